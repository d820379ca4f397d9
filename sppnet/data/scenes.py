"""Generated image sets in the layouts of the real ones: VOC, image folders, ImageNet, Caltech-101.

Every image comes from its own generator, keyed by (seed, set, index), so the files depend neither
on the number of workers nor on the size of another set.
"""

import hashlib
import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sppnet.data.composition import Scene, SceneObject, render_scene
from sppnet.data.imagenet_writer import write_imagenet
from sppnet.data.settings import Layout, ScenePlan, Variation
from sppnet.data.shapes import DETECTION_CLASSES, IMAGE_CLASSES
from sppnet.data.store import file_sha256
from sppnet.data.voc_writer import write_annotation, write_image_sets
from sppnet.errors import SppnetError
from sppnet.progress import track

VOC = Path("VOC2007")  # in VOCdevkit
CALTECH = Path("101_ObjectCategories")  # in caltech101
SPLITS = {"classification_train": "train", "classification_validation": "val"}
DETECTION_SPLITS = {"detection_trainval": "trainval", "detection_test": "test"}
# Set numbers of the generators: the order is part of what a seed means.
SETS = (*SPLITS, *DETECTION_SPLITS, "caltech")
LAYOUTS: dict[Layout, tuple[str, ...]] = {
    "ImageFolder": tuple(SPLITS),
    "ILSVRC2012": tuple(SPLITS),
    "VOCdevkit": tuple(DETECTION_SPLITS),
    "caltech101": ("caltech",),
}
# Background around an object of the Caltech-like set, over the object's longer side: lowest,
# highest. Its photographs, too, are filled by an object somewhere near the middle.
MARGINS = (0.1, 0.4)
FIRST_SYNSET = 90000001  # of the classes in ImageNet's layout; WordNet's numbers end below


def _image_generator(seed: int, set_name: str, index: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, SETS.index(set_name), index]))


def _draw_scene(plan: ScenePlan, generator: np.random.Generator, class_name: str | None) -> Scene:
    """An image after a plan: all objects of `class_name`, or of random classes when None."""
    short = int(generator.integers(*plan.sides, endpoint=True))
    long = round(short * generator.uniform(*plan.aspects))
    count = int(generator.integers(*plan.objects, endpoint=True))
    low, high = (float(np.log(side)) for side in plan.object_sides)
    drawn = [str(name) for name in generator.choice([*DETECTION_CLASSES], count)]
    return render_scene(
        drawn if class_name is None else [class_name] * count,
        size=(short, long) if generator.random() < 0.5 else (long, short),
        sides=list(short * np.exp(generator.uniform(low, high, count))),
        cut=list(generator.random(count) < plan.cut),
        variation=Variation.of(plan),
        generator=generator,
    )


def _around_object(scene: Scene, generator: np.random.Generator) -> NDArray[np.uint8]:
    """The part of an image with its one object and a random margin on each side."""
    x1, y1, x2, y2 = scene.objects[0].box
    margins = generator.uniform(*MARGINS, 4) * max(x2 - x1, y2 - y1)
    left, top, right, bottom = margins.round().astype(int).tolist()
    return scene.image[max(y1 - top, 0) : y2 + bottom, max(x1 - left, 0) : x2 + right]


def _write_jpeg(path: Path, image: NDArray[np.uint8], quality: int) -> None:
    bgr = np.ascontiguousarray(image[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    path.write_bytes(data.tobytes())


@dataclass(frozen=True)
class _Job:
    """One image to make: its set and place there, and its class when it has just one."""

    set_name: str
    index: int
    path: Path  # of the JPEG, relative to the output
    class_name: str | None


def _make_image(job: _Job, *, root: Path, plan: ScenePlan) -> tuple[SceneObject, ...]:
    """Draw and write one image, in the detection sets with its annotation; returns its objects."""
    cv2.setNumThreads(1)
    generator = _image_generator(plan.seed, job.set_name, job.index)
    scene = _draw_scene(plan, generator, job.class_name)
    image = _around_object(scene, generator) if job.set_name == "caltech" else scene.image
    _write_jpeg(root / job.path, image, plan.quality)
    if job.class_name is None:
        write_annotation(root / VOC / "Annotations" / f"{job.path.stem}.xml", scene)
    return scene.objects


def _jobs(counts: dict[str, int]) -> list[_Job]:
    """All images of some sets in order: classes take turns, test ids follow those of trainval."""
    jobs, classes = [], [*IMAGE_CLASSES]
    number = 0
    for set_name, count in counts.items():
        for index in range(count):
            name = None if set_name in DETECTION_SPLITS else classes[index % len(classes)]
            number += 1
            jobs.append(_Job(set_name, index, _place(set_name, index, number, name), name))
    return jobs


def _place(set_name: str, index: int, number: int, class_name: str | None) -> Path:
    """Where an image goes: `index` is its place in the set, `number` that among all, from 1."""
    if class_name is None:
        return VOC / "JPEGImages" / f"{number:06d}.jpg"
    if set_name == "caltech":
        return CALTECH / class_name / f"image_{index // len(IMAGE_CLASSES) + 1:04d}.jpg"
    split = SPLITS[set_name]
    return Path(split) / class_name / f"{split}_{index + 1:06d}.jpg"


def _make_folders(root: Path, jobs: Sequence[_Job]) -> None:
    folders = {root / job.path.parent for job in jobs}
    if any(job.class_name is None for job in jobs):
        folders |= {root / VOC / "Annotations", root / VOC / "ImageSets/Main"}
    for folder in folders:
        folder.mkdir(parents=True)


def _fill(
    root: Path, jobs: Sequence[_Job], plan: ScenePlan, workers: int
) -> list[tuple[SceneObject, ...]]:
    """Make all images, in this process or in others; returns the objects of each."""
    make = partial(_make_image, root=root, plan=plan)
    if workers == 1:
        return list(track(map(make, jobs), "generate", len(jobs)))
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return list(track(pool.imap(make, jobs, chunksize=16), "generate", len(jobs)))


def _write_lists(
    root: Path, jobs: Sequence[_Job], objects: Sequence[tuple[SceneObject, ...]]
) -> dict[str, int]:
    """Write the image lists and count images and annotated objects."""
    counts = {"objects": 0, "difficult": 0, "truncated": 0}
    for set_name, split in DETECTION_SPLITS.items():
        images = [
            (job.path.stem, items)
            for job, items in zip(jobs, objects, strict=True)
            if job.set_name == set_name
        ]
        write_image_sets(
            root / VOC / "ImageSets" / "Main", split, images, classes=tuple(DETECTION_CLASSES)
        )
        annotated = [item for _, items in images for item in items]
        counts["objects"] += len(annotated)
        counts["difficult"] += sum(item.difficult for item in annotated)
        counts["truncated"] += sum(item.truncated for item in annotated)
    return counts


def _pack(root: Path, jobs: Sequence[_Job]) -> None:
    """Move the images of an image folder into the archives of ImageNet, under names as there."""
    synsets = {
        name: f"n{number:08d}" for number, name in enumerate(IMAGE_CLASSES, start=FIRST_SYNSET)
    }
    training: dict[str, dict[str, bytes]] = {synset: {} for synset in synsets.values()}
    validation: list[tuple[str, bytes]] = []
    for job in jobs:
        synset, data = synsets[str(job.class_name)], (root / job.path).read_bytes()
        if SPLITS[job.set_name] == "train":
            training[synset][f"{synset}_{job.index + 1}.JPEG"] = data
        else:
            validation.append((synset, data))
    for split in SPLITS.values():
        shutil.rmtree(root / split)
    write_imagenet(root, training, validation)


def tree_sha256(root: Path) -> str:
    """SHA-256 over the relative path and the SHA-256 of every file below a folder, sorted."""
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(root).as_posix()} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def generate_scenes(
    output: Path,
    layout: Layout,
    *,
    plan: ScenePlan,
    workers: int,
) -> dict[str, Any]:
    """Make a set: `VOC2007` with both its lists, `train` and `val` or ImageNet's archives of the
    same images, or `101_ObjectCategories`.

    The same plan gives the same bytes, with any number of workers. `output`
    appears only when everything is there.

    Args:
        output: folder to create; may exist when empty.
        layout: that the set gets, one of `LAYOUTS`.
        plan: number of images of each set that the layout holds, and what is on them. Those of
            VOC hold objects of random classes and are annotated, others objects of one class;
            Caltech's are then cut to the object.
        workers: processes.

    Returns:
        What was made: plan, counts, and the SHA-256 of the tree (`tree_sha256`).

    Raises:
        SppnetError: `output` holds something, or the plan has not as many numbers of images as
            the layout has sets.
    """
    counts = _counts(layout, plan.images)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SppnetError(f"{output}: is in the way; remove it or choose another --output")
    partial_output = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial_output, ignore_errors=True)
    jobs = _jobs(counts)
    _make_folders(partial_output, jobs)
    objects = _fill(partial_output, jobs, plan, workers)
    if layout == "VOCdevkit":
        counts |= _write_lists(partial_output, jobs, objects)
    if layout == "ILSVRC2012":
        _pack(partial_output, jobs)
    digest = tree_sha256(partial_output)
    partial_output.replace(output)
    return {"plan": plan.model_dump(mode="json"), "counts": counts, "sha256": digest}


def _counts(layout: Layout, images: Sequence[int]) -> dict[str, int]:
    """Images of each set of a layout."""
    names = LAYOUTS[layout]
    if len(images) != len(names):
        raise SppnetError(
            f"--images: {list(images)} for {layout}; give {len(names)}, for {' and '.join(names)}"
        )
    return dict(zip(names, images, strict=True))
