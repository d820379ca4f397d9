"""Caltech-101: one folder per category, the background category among them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sppnet.data.image_folder import labelled_files, read_image_folder, require_classes
from sppnet.data.manifest import ImageRecord, Problem
from sppnet.errors import SppnetError, unreadable_refused

FOLDER = "101_ObjectCategories"


def read_caltech101(
    root: Path, train_per_class: int, *, workers: int = 1
) -> tuple[list[ImageRecord], list[Problem]]:
    """Read the pictures below `root/101_ObjectCategories/<category>/`, decoding every one.

    Args:
        root: folder that holds `101_ObjectCategories`.
        train_per_class: images that a category needs for training.
        workers: processes that decode.

    Returns:
        The usable images, sorted by category and path, and whatever was wrong.

    Raises:
        SppnetError: the folder is missing or has fewer than two categories, or a category has no
            files or fewer than `train_per_class`; said before anything is decoded.

    Source: paper §3.3 (102 categories, one of them the background; 30 training images of each).
    """
    folder = _category_folder(root)
    files = Counter(labelled_files(root, FOLDER)[0].values())
    require_classes(files, folder)
    require_enough(files, train_per_class, folder)
    read, problems = read_image_folder(root, FOLDER, workers=workers)
    records = [
        replace(record, dataset="caltech101", split="all", image=_below(record.image))
        for record in read
    ]
    return records, problems + repeated_pictures(records)


def caltech_files(root: Path) -> Iterator[Path]:
    """Files that `read_caltech101` reads.

    Raises:
        SppnetError: the folder is missing or has fewer than two categories, or one has no files.
    """
    _category_folder(root)
    labels, _ = labelled_files(root, FOLDER)
    require_classes(labels.values(), Path(root) / FOLDER)
    yield from labels


@unreadable_refused()
def _category_folder(root: Path) -> Path:
    folder = Path(root) / FOLDER
    if not folder.is_dir():
        raise SppnetError(
            f"{folder}: no such folder; the root of Caltech-101 has {FOLDER}/<category>/ in it"
        )
    return folder


def _categories(folder: Path) -> list[Path]:
    """The folders that the reader takes for categories: not hidden, no link back upwards."""
    home = folder.resolve()
    return [
        place
        for place in sorted(folder.iterdir())
        if place.is_dir() and place.name[0] != "." and not home.is_relative_to(place.resolve())
    ]


def _below(image: str) -> str:
    return image.removeprefix(f"{FOLDER}/")


def category_counts(records: Iterable[ImageRecord], root: Path) -> dict[str, int]:
    """Usable images of each category of `read_caltech101`, also of those that have none left."""
    counts = Counter(str(record.label) for record in records)
    return {folder.name: counts[folder.name] for folder in _categories(Path(root) / FOLDER)}


def require_enough(counts: Mapping[str, int], train_per_class: int, where: Path) -> None:
    """Refuse categories that cannot fill their part of a training set.

    Args:
        counts: images of each category.
        train_per_class: images that each needs.
        where: the set, for the message.

    Raises:
        SppnetError: a category has fewer; the first one is named.
    """
    few = [name for name, count in counts.items() if count < train_per_class]
    if few:
        raise SppnetError(
            f"{where}: category {few[0]!r} has {counts[few[0]]} pictures where --train-per-class "
            f"asks for {train_per_class} ({len(few)} such categories); add pictures or ask for "
            "fewer"
        )


def repeated_pictures(records: Iterable[ImageRecord]) -> list[Problem]:
    """Pictures with the bytes of an earlier one, which a random split may train and test on."""
    first: dict[str, str] = {}
    problems = []
    for record in records:
        earlier = first.setdefault(record.sha256, record.path)
        if earlier != record.path:
            problem = f"same bytes as {earlier}"
            problems.append(Problem(record.path, problem, "kept, may be trained and tested on"))
    return problems
