"""prepare-voc: read a detection set in VOC's layout once and list what is wrong with it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.data.preparation import write_prepared
from sppnet.data.split_checks import check_splits
from sppnet.data.voc import read_voc
from sppnet.errors import SppnetError


def run(
    root: Annotated[Path, Option(help="Folder of one VOC year, such as VOCdevkit/VOC2007.")],
    trainval: Annotated[str, Option(help="List of ImageSets/Main to train on.")],
    test: Annotated[str, Option(help="List of ImageSets/Main to test on.")],
    manifest: Annotated[Path, Option(help="Images read, Parquet.")],
    problems: Annotated[Path, Option(help="What was wrong and what was done about it, CSV.")],
    workers: Annotated[int, Option(help="Processes that decode.", min=1)] = 2,
) -> None:
    """Decode every picture of both lists once; write the manifest and the list of problems."""
    if trainval == test:
        raise SppnetError(f"--trainval and --test are both {test!r}; name two different lists")
    training, found = read_voc(root, trainval, workers=workers)
    testing, also_found = read_voc(root, test, workers=workers)
    # Later stages know the splits by their roles, whatever the lists are called.
    training = [replace(record, split="trainval") for record in training]
    testing = [replace(record, split="test") for record in testing]
    records, conflicts = check_splits(training, testing, str(root))
    found = [*found, *also_found, *conflicts]
    write_prepared(records, found, ("trainval", "test"), manifest=manifest, problems=problems)
