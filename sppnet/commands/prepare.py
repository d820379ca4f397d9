"""prepare: read both image sets once and list what is wrong with them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.data.image_folder import labelled_files, read_image_folder
from sppnet.data.manifest import ImageRecord, Problem, write_manifest, write_problems
from sppnet.data.split_checks import Checked, check_splits, require_usable
from sppnet.data.voc import read_voc
from sppnet.errors import SppnetError

PROBLEMS_SHOWN = 5


def run(
    voc: Annotated[Path, Option(help="Folder of one VOC year, such as VOCdevkit/VOC2007.")],
    trainval: Annotated[str, Option(help="List of ImageSets/Main to train on.")],
    test: Annotated[str, Option(help="List of ImageSets/Main to test on.")],
    manifest: Annotated[Path, Option(help="Images read, Parquet.")],
    problems: Annotated[Path, Option(help="What was wrong and what was done about it, CSV.")],
    image_folder: Annotated[
        Path | None, Option(help="Folder with train/<class>/ and val/<class>/.")
    ] = None,
    download: Annotated[
        bool, Option(help="Fetch VOC 2007 and Imagenette into folders that lack them.")
    ] = False,
    workers: Annotated[int, Option(help="Processes that decode.", min=1)] = 2,
) -> None:
    """Decode every picture once; write the manifest and the list of problems.

    Without an image folder, networks are pre-trained on pictures that another manifest names.
    """
    if trainval == test:
        raise SppnetError(f"--trainval and --test are both {test!r}; name two different lists")
    if download:
        _download(voc, (trainval, test), image_folder)
    if image_folder is not None:
        for split in ("train", "val"):  # an empty class must not show after hours of decoding
            labelled_files(image_folder, split)
    records, found = _read_detection(voc, trainval, test, workers)
    wanted = [("detection", "trainval"), ("detection", "test")]
    if image_folder is not None:
        more, also_found = _read_classification(image_folder, workers)
        records, found = records + more, found + also_found
        wanted += [("classification", "train"), ("classification", "val")]
    write_problems(problems, found)
    for dataset, split in wanted:
        require_usable(_of(records, dataset, split), f"{dataset} {split}", str(problems))
    write_manifest(manifest, records)
    print("\n".join([*_counts(records), *_first(found, problems)]))


def _download(voc: Path, splits: tuple[str, ...], image_folder: Path | None) -> None:
    # Here, because it needs torchvision, which takes seconds to load.
    from sppnet.data.download import download_imagenette, download_voc

    download_voc(voc, splits)
    if image_folder is not None:
        download_imagenette(image_folder)


def _read_detection(root: Path, trainval: str, test: str, workers: int) -> Checked:
    training, found = read_voc(root, trainval, workers=workers)
    testing, also_found = read_voc(root, test, workers=workers)
    # Later stages know the splits by their roles, whatever the lists are called.
    training = [replace(record, split="trainval") for record in training]
    testing = [replace(record, split="test") for record in testing]
    records, problems = check_splits(training, testing, str(root))
    return records, found + also_found + problems


def _read_classification(root: Path, workers: int) -> Checked:
    training, found = read_image_folder(root, "train", workers=workers)
    testing, also_found = read_image_folder(root, "val", workers=workers)
    records, problems = check_splits(training, testing, str(root))
    return records, found + also_found + problems


def _of(records: Iterable[ImageRecord], dataset: str, split: str) -> list[ImageRecord]:
    return [record for record in records if (record.dataset, record.split) == (dataset, split)]


def _counts(records: Sequence[ImageRecord]) -> Iterator[str]:
    """One line per data set and split, with the pictures or objects of each class."""
    for dataset, split in dict.fromkeys((record.dataset, record.split) for record in records):
        chosen = _of(records, dataset, split)
        names = Counter(name for record in chosen for name in record.class_names)
        names.update(record.label for record in chosen if record.label)
        each = ", ".join(f"{name} {count}" for name, count in sorted(names.items()))
        hard = sum(int(record.difficult.sum()) for record in chosen)
        objects = f", {sum(names.values())} objects ({hard} difficult)" * (dataset == "detection")
        yield f"{dataset} {split}: {len(chosen)} images{objects}, {len(names)} classes: {each}"


def _first(found: Sequence[Problem], path: Path) -> Iterator[str]:
    yield f"{len(found)} problems, listed in {path}"
    for problem in found[:PROBLEMS_SHOWN]:
        line = f"  {problem.path}: {problem.problem}; {problem.action}"
        # A name on disk need not be UTF-8.
        yield line.encode(errors="backslashreplace").decode()
    if len(found) > PROBLEMS_SHOWN:
        yield f"  and {len(found) - PROBLEMS_SHOWN} more"
