"""ImageNet 2012 as it is distributed: archives or folders, and the development kit."""

import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
from scipy.io import loadmat

from sppnet.data.archives import list_members, member_place
from sppnet.data.inspection_journal import inspect_resumably
from sppnet.data.manifest import ImageRecord, Problem
from sppnet.errors import SppnetError, unreadable_refused

TRAIN, VALIDATION = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12"
SYNSETS, TRUTH = "data/meta.mat", "data/ILSVRC2012_validation_ground_truth.txt"
SYNSET = re.compile(r"n\d{8}")
VALIDATION_NAME = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")

Places = dict[str, str]  # class of an image by the place of its file


@dataclass(frozen=True)
class Devkit:
    """Contents of the development kit.

    Attributes:
        path: folder or archive.
        synsets: WordNet id of each class of the challenge, by its number in the kit.
        counts: training images of each, by WordNet id.
        truth: class number of each validation image, in the order of their names.
    """

    path: Path
    synsets: Mapping[int, str]
    counts: Mapping[str, int]
    truth: tuple[int, ...]


def read_devkit(root: Path) -> Devkit:
    """Read the development kit below `root`, a folder or the archive as downloaded.

    Raises:
        SppnetError: it is missing, or a file in it is missing or unreadable.
    """
    path, read = _devkit_reader(Path(root))
    try:
        table = np.atleast_1d(_matlab(read(SYNSETS))["synsets"])
        leaves = table[table["num_children"] == 0]  # the others are groups of classes
        names = [str(name) for name in leaves["WNID"]]
        truth = tuple(int(line) for line in read(TRUTH).split())
        numbers = [int(number) for number in leaves["ILSVRC2012_ID"]]
        counts = [int(count) for count in leaves["num_train_images"]]
    # A broken file makes the MATLAB reader raise nearly anything.
    except Exception as error:
        raise SppnetError(f"{path}: cannot be read ({error}); fetch it again") from None
    synsets = dict(zip(numbers, names, strict=True))
    return Devkit(path, synsets, dict(zip(names, counts, strict=True)), truth)


def imagenet_files(root: Path) -> Iterator[Path]:
    """Files that hold ImageNet 2012: archives, or the files of the folders that replace them.

    Raises:
        SppnetError: the kit, the training or the validation images are not there.
    """
    kit, _ = _devkit_reader(root)
    for path in (kit / name for name in (SYNSETS, TRUTH)) if kit.is_dir() else [kit]:
        if not path.is_file():
            raise SppnetError(f"{path}: no such file; fetch the kit again")
        yield path
    for folder, archive, images in (
        (root / "train", root / TRAIN, "train/<synset>/"),
        (root / "val", root / VALIDATION, "val/"),
    ):
        if folder.is_dir():
            # Not `rglob`, which enters no links to folders; the reader does.
            inner = (_visible(entry) if entry.is_dir() else [entry] for entry in _visible(folder))
            paths = [path for files in inner for path in files if path.is_file()]
            _check_images(paths, str(folder))
            yield from paths
        else:
            _require(archive, images)
            yield archive


def _matlab(data: bytes) -> dict[str, Any]:
    tables: dict[str, Any] = loadmat(cast(str, BytesIO(data)), squeeze_me=True)
    return tables


def _devkit_reader(root: Path) -> tuple[Path, Callable[[str], bytes]]:
    folder, archive = root / DEVKIT, root / f"{DEVKIT}.tar.gz"
    if folder.is_dir():
        return folder, lambda name: (folder / name).read_bytes()
    if not archive.is_file():
        raise SppnetError(f"{folder}: no such folder; put it or {archive.name} there")
    return archive, lambda name: _member(archive, f"{DEVKIT}/{name}")


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive, "r:gz") as tar:
        file = tar.extractfile(name)
        return file.read() if file else b""


@unreadable_refused()
def training_places(root: Path, devkit: Devkit) -> Places:
    """Where the training images are, from `train/<synset>/` or the archive of archives.

    Raises:
        SppnetError: neither is there, the archive is cut short, a class is empty or unknown.
    """
    folder, archive = Path(root) / "train", Path(root) / TRAIN
    if folder.is_dir():
        return _class_places(folder, devkit)
    _require(archive, "train/<synset>/")
    places: Places = {}
    for name in list_members(archive):
        inner = member_place(archive, name)
        synset = name.removesuffix(".tar")
        _check_synset(synset, inner, devkit)
        images = list_members(inner)
        _check_images(images, inner)
        places |= {member_place(inner, image): synset for image in sorted(images)}
    return places


@unreadable_refused()
def validation_places(root: Path, devkit: Devkit) -> Places:
    """Where the validation images are, from `val/<synset>/`, a flat `val/` or the archive.

    Raises:
        SppnetError: none is there, the archive is cut short, or an image or class is unknown.
    """
    folder, archive = Path(root) / "val", Path(root) / VALIDATION
    if folder.is_dir():
        entries = _visible(folder)
        if any(entry.is_dir() for entry in entries):
            return _class_places(folder, devkit)
        names = {entry.name: str(entry) for entry in entries}
    else:
        _require(archive, "val/")
        names = {name: member_place(archive, name) for name in list_members(archive)}
    _check_images(names, str(folder if folder.is_dir() else archive))
    return {place: _true_class(name, place, devkit) for name, place in sorted(names.items())}


def _class_places(folder: Path, devkit: Devkit) -> Places:
    places: Places = {}
    for entry in _visible(folder):
        if not entry.is_dir():
            raise SppnetError(f"{entry}: lies in no folder of a class; move it there or remove it")
        _check_synset(entry.name, str(entry), devkit)
        images = _visible(entry)
        _check_images(images, str(entry))
        places |= {str(image): entry.name for image in images}
    _check_images(places, str(folder))
    return places


def _visible(folder: Path) -> list[Path]:
    """Entries of a folder of images, or of classes, that are not hidden.

    Raises:
        SppnetError: an archive is among them.
    """
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    archives = [path for path in entries if path.suffix == ".tar"]
    for archive in archives:
        if archive.name in (TRAIN, VALIDATION):
            raise SppnetError(f"{archive}: lies in {folder}; move it up, and remove {folder}")
        raise SppnetError(
            f"{archive}: one of {len(archives)} archives where folders of pictures are needed; put "
            f"the archive that they come from beside {folder} and remove {folder}, or unpack them: "
            f"cd {folder} && for a in *.tar; do mkdir ${{a%.tar}} && tar -xf $a -C ${{a%.tar}} "
            "&& rm $a; done"
        )
    return entries


def _require(archive: Path, folder: str) -> None:
    if not archive.is_file():
        raise SppnetError(f"{archive}: no such file; put it there, or its images into {folder}")


def _check_synset(name: str, place: str, devkit: Devkit) -> None:
    if not SYNSET.fullmatch(name) or name not in devkit.counts:
        raise SppnetError(f"{place}: {devkit.path} has no such class; remove it or mend the kit")


def _check_images(images: object, place: str) -> None:
    if not images:
        raise SppnetError(f"{place}: holds no image; fetch it again or remove it")


def _true_class(name: str, place: str, devkit: Devkit) -> str:
    match = VALIDATION_NAME.fullmatch(Path(name).name)
    number = int(match[1]) if match else 0
    if not 1 <= number <= len(devkit.truth):
        raise SppnetError(f"{place}: {devkit.path} has no class for it; remove it")
    if devkit.truth[number - 1] not in devkit.synsets:
        raise SppnetError(f"{devkit.path}: no class {devkit.truth[number - 1]}; fetch it again")
    return devkit.synsets[devkit.truth[number - 1]]


def missing_images(places: Places, devkit: Devkit) -> list[Problem]:
    """Classes with fewer or more training images than the development kit counts."""
    counts = Counter(places.values())
    return [
        Problem(name, f"{counts[name]} training images, {count} in the kit", "used as it is")
        for name, count in sorted(devkit.counts.items())
        if counts[name] != count
    ]


def read_images(
    places: Places, split: str, *, workers: int, restart: Path
) -> tuple[list[ImageRecord], list[Problem]]:
    """Decode every image of a split.

    Args:
        places: from `training_places` or `validation_places`.
        split: "train" or "val".
        workers: processes that decode.
        restart: folder for unfinished work; pictures already inspected are not decoded again.

    Returns:
        The usable images in the order of `places`, and the problems.
    """
    paths = [Path(place) for place in places]
    inspections = inspect_resumably(
        paths, workers=workers, description=f"read {split}", journal=restart / f"{split}.jsonl"
    )
    records = [
        ImageRecord(
            dataset="classification",
            split=split,
            image=f"{split}/{label}/{inspection.path.name.rpartition('::')[2]}",
            path=place,
            width=inspection.size[0],
            height=inspection.size[1],
            sha256=inspection.sha256,
            label=label,
        )
        for (place, label), inspection in zip(places.items(), inspections, strict=True)
        if inspection.usable
    ]
    return records, [problem for inspection in inspections for problem in inspection.problems]
