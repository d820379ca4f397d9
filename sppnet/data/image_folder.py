"""Classification sets with one folder per class."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sppnet.data.inspection import inspect_images
from sppnet.data.manifest import ImageRecord, Problem
from sppnet.errors import SppnetError, unreadable_refused


def read_image_folder(
    root: Path, split: str, *, workers: int = 1
) -> tuple[list[ImageRecord], list[Problem]]:
    """Read the labelled images below `root/split/<class>/`, decoding every picture.

    Args:
        root: folder with one folder per split.
        split: "train" or "val".
        workers: processes that decode.

    Returns:
        The usable images, sorted by class and path, and the problems.

    Raises:
        SppnetError: as `labelled_files`.
    """
    labels, problems = labelled_files(root, split)
    inspections = inspect_images(list(labels), workers=workers, description=f"read {split}")
    records = [
        ImageRecord(
            dataset="classification",
            split=split,
            image=inspection.path.relative_to(root).as_posix(),
            path=str(inspection.path),
            width=inspection.size[0],
            height=inspection.size[1],
            sha256=inspection.sha256,
            label=labels[inspection.path],
        )
        for inspection in inspections
        if inspection.usable
    ]
    return records, problems + [
        problem for inspection in inspections for problem in inspection.problems
    ]


def image_folder_files(root: Path) -> Iterator[Path]:
    """Files of both splits that `read_image_folder` reads.

    Raises:
        SppnetError: as `labelled_files` and `require_classes`.
    """
    for split in ("train", "val"):
        labels, _ = labelled_files(root, split)
        require_classes(labels.values(), Path(root) / split)
        yield from labels


def require_classes(labels: Iterable[str], folder: Path) -> None:
    """Refuse a set with a single class.

    Args:
        labels: class of each file.
        folder: of the set, for the message.

    Raises:
        SppnetError: there is nothing to tell apart.
    """
    names = set(labels)
    if len(names) == 1:
        raise SppnetError(
            f"{folder}: {names.pop()!r} is the only class, so there is nothing to tell apart; add "
            "a folder for each other class"
        )


@unreadable_refused()
def labelled_files(root: Path, split: str) -> tuple[dict[Path, str], list[Problem]]:
    """Class of each file below `root/split/<class>/`, and the problems; decodes nothing.

    Hidden files and folders are not read.

    Raises:
        SppnetError: a folder cannot be read, the split's is missing or has no class folders, or one
            is empty.
    """
    folder = Path(root) / split
    classes, problems = _class_folders(folder)
    labels: dict[Path, str] = {}
    for class_folder in classes:
        files, class_problems = _files_below(class_folder, folder)
        if not files:
            raise SppnetError(
                f"{class_folder}: empty class folder; add pictures or remove the folder"
            )
        labels |= dict.fromkeys(files, class_folder.name)
        problems += class_problems
    return labels, problems


def _class_folders(folder: Path) -> tuple[list[Path], list[Problem]]:
    if not folder.is_dir():
        raise SppnetError(
            f"{folder}: no such folder; an image folder has train/<class>/ and val/<class>/"
        )
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    classes = [path for path in entries if path.is_dir() and not _encloses(path, folder)]
    if not classes:
        raise SppnetError(f"{folder}: no class folders; put the pictures of each class in one")
    problems = [
        Problem(str(path), "not a class folder, nor in one", "ignored")
        for path in entries
        if path not in classes
    ]
    return classes, problems


def _encloses(path: Path, folder: Path) -> bool:
    """Whether `path` is a link back to `folder` or to a folder above it."""
    return Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(path))


def _refuse(error: OSError) -> None:
    raise error


def _files_below(class_folder: Path, folder: Path) -> tuple[list[Path], list[Problem]]:
    """Files of a class at any depth, following links but entering no folder twice."""
    files, problems, entered = [], [], set()
    for current, subfolders, names in os.walk(class_folder, onerror=_refuse, followlinks=True):
        directory = Path(current)
        real = os.path.realpath(directory)
        if real in entered or _encloses(directory, folder):
            problems.append(Problem(current, "link to a folder already read", "not followed"))
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        files += [directory / name for name in sorted(names) if not name.startswith(".")]
    return files, problems
