"""Generated image sets in the layouts of the real ones: VOCdevkit, ImageFolder and Caltech-101.

Every image comes from its own generator, keyed by (seed, set, index), so the files depend neither
on the number of workers nor on the size of another set.
"""

import hashlib
import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from sppnet.data.composition import Scene, SceneObject, render_scene
from sppnet.data.shapes import CLASSES
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
Layout = Literal["ImageFolder", "VOCdevkit", "caltech101"]
LAYOUTS: dict[Layout, tuple[str, ...]] = {
    "ImageFolder": tuple(SPLITS),
    "VOCdevkit": tuple(DETECTION_SPLITS),
    "caltech101": ("caltech",),
}
# Background around an object of the Caltech-like set, over the object's longer side: lowest,
# highest. Its photographs, too, are filled by an object somewhere near the middle.
MARGINS = (0.1, 0.4)
LIMITS: dict[str, tuple[float, float]] = {
    "sides": (32, 4096),
    "aspects": (1, 8),
    "objects": (1, 16),
    "object_sides": (0.05, 1),
}


@dataclass(frozen=True)
class ScenePlan:
    """What the images of a set look like; every pair is lowest and highest.

    Attributes:
        sides: shorter side of an image, pixels.
        aspects: longer side of an image over its shorter side; upright and lying are as likely.
        objects: objects in an image.
        object_sides: longer side of an object over the image's shorter side, spread evenly in
            its logarithm.
        cut: share of the objects that the border may cut off, 0..1.
        quality: JPEG quality, 1..100.

    Raises:
        SppnetError: a value is out of its range.
    """

    sides: tuple[int, int]
    aspects: tuple[float, float]
    objects: tuple[int, int]
    object_sides: tuple[float, float]
    cut: float
    quality: int

    def __post_init__(self) -> None:
        for setting, (low, high) in LIMITS.items():
            _check_pair(setting, getattr(self, setting), low=low, high=high)
        _check_pair("cut", (self.cut, self.cut), low=0, high=1)
        _check_pair("quality", (self.quality, self.quality), low=1, high=100)


def _check_pair(setting: str, pair: Sequence[float], *, low: float, high: float) -> None:
    if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
        message = f"must lie in {low}..{high}, lowest before highest; got {tuple(pair)}"
        raise SppnetError(f"scenes.{setting}: {message}")


def _image_generator(seed: int, set_name: str, index: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, SETS.index(set_name), index]))


def _draw_scene(plan: ScenePlan, generator: np.random.Generator, class_name: str | None) -> Scene:
    """An image after a plan: all objects of `class_name`, or of random classes when None."""
    short = int(generator.integers(*plan.sides, endpoint=True))
    long = round(short * generator.uniform(*plan.aspects))
    count = int(generator.integers(*plan.objects, endpoint=True))
    low, high = (float(np.log(side)) for side in plan.object_sides)
    drawn = [str(name) for name in generator.choice(CLASSES, count)]
    return render_scene(
        drawn if class_name is None else [class_name] * count,
        size=(short, long) if generator.random() < 0.5 else (long, short),
        sides=list(short * np.exp(generator.uniform(low, high, count))),
        cut=list(generator.random(count) < plan.cut),
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


def _make_image(job: _Job, *, root: Path, seed: int, plan: ScenePlan) -> tuple[SceneObject, ...]:
    """Draw and write one image, in the detection sets with its annotation; returns its objects."""
    cv2.setNumThreads(1)
    generator = _image_generator(seed, job.set_name, job.index)
    scene = _draw_scene(plan, generator, job.class_name)
    image = _around_object(scene, generator) if job.set_name == "caltech" else scene.image
    _write_jpeg(root / job.path, image, plan.quality)
    if job.class_name is None:
        write_annotation(root / VOC / "Annotations" / f"{job.path.stem}.xml", scene)
    return scene.objects


def _jobs(counts: dict[str, int]) -> list[_Job]:
    """All images of some sets in order: classes take turns, test ids follow those of trainval."""
    jobs = []
    number = 0
    for set_name, count in counts.items():
        for index in range(count):
            name = None if set_name in DETECTION_SPLITS else CLASSES[index % len(CLASSES)]
            number += 1
            jobs.append(_Job(set_name, index, _place(set_name, index, number, name), name))
    return jobs


def _place(set_name: str, index: int, number: int, class_name: str | None) -> Path:
    """Where an image goes: `index` is its place in the set, `number` that among all, from 1."""
    if class_name is None:
        return VOC / "JPEGImages" / f"{number:06d}.jpg"
    if set_name == "caltech":
        return CALTECH / class_name / f"image_{index // len(CLASSES) + 1:04d}.jpg"
    split = SPLITS[set_name]
    return Path(split) / class_name / f"{split}_{index + 1:06d}.jpg"


def _make_folders(root: Path, jobs: Sequence[_Job]) -> None:
    folders = {root / job.path.parent for job in jobs}
    if any(job.class_name is None for job in jobs):
        folders |= {root / VOC / "Annotations", root / VOC / "ImageSets/Main"}
    for folder in folders:
        folder.mkdir(parents=True)


def _fill(
    root: Path, jobs: Sequence[_Job], seed: int, plan: ScenePlan, workers: int
) -> list[tuple[SceneObject, ...]]:
    """Make all images, in this process or in others; returns the objects of each."""
    make = partial(_make_image, root=root, seed=seed, plan=plan)
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
        write_image_sets(root / VOC / "ImageSets" / "Main", split, images, classes=CLASSES)
        annotated = [item for _, items in images for item in items]
        counts["objects"] += len(annotated)
        counts["difficult"] += sum(item.difficult for item in annotated)
        counts["truncated"] += sum(item.truncated for item in annotated)
    return counts


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
    seed: int,
    images: Sequence[int],
    plan: ScenePlan,
    workers: int,
) -> dict[str, Any]:
    """Make a set: `VOC2007` with both its lists, `train` and `val`, or `101_ObjectCategories`.

    The same seed, counts and plan give the same bytes, with any number of workers. `output`
    appears only when everything is there.

    Args:
        output: folder to create; may exist when empty.
        layout: that the set gets, one of `LAYOUTS`.
        seed: at least 0.
        images: number of images of each set that the layout holds.
        plan: of the images. Those of VOC hold objects of random classes and are annotated, others
            objects of one class; Caltech's are then cut to the object.
        workers: processes, at least 1.

    Returns:
        What was made: seed, plan, counts, and the SHA-256 of the tree (`tree_sha256`).

    Raises:
        SppnetError: `output` holds something, or a number is out of range.
    """
    counts = _counts(layout, images)
    _check_run(output, seed, workers)
    partial_output = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial_output, ignore_errors=True)
    jobs = _jobs(counts)
    _make_folders(partial_output, jobs)
    objects = _fill(partial_output, jobs, seed, plan, workers)
    if layout == "VOCdevkit":
        counts |= _write_lists(partial_output, jobs, objects)
    digest = tree_sha256(partial_output)
    partial_output.replace(output)
    return {"seed": seed, "plan": asdict(plan), "counts": counts, "sha256": digest}


def _counts(layout: Layout, images: Sequence[int]) -> dict[str, int]:
    """Images of each set of a layout; none may be empty."""
    names = LAYOUTS[layout]
    if len(images) != len(names) or min(images) < 1:
        raise SppnetError(
            f"images of {layout}: must be {len(names)} numbers of at least 1, for "
            f"{' and '.join(names)}; got {list(images)}"
        )
    return dict(zip(names, images, strict=True))


def _check_run(output: Path, seed: int, workers: int) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SppnetError(f"{output}: is in the way; remove it or choose another --output")
    if seed < 0 or workers < 1:
        message = f"must be at least 0 and 1; got {seed} and {workers}"
        raise SppnetError(f"seed and workers: {message}")
