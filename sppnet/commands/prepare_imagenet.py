"""prepare-imagenet: read ImageNet 2012 once and list what is wrong with it."""

import shutil
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import PreparedManifest, Problems, Work, Workers
from sppnet.data.imagenet import (
    missing_images,
    read_devkit,
    read_images,
    training_places,
    validation_places,
)
from sppnet.data.preparation import write_prepared
from sppnet.data.split_checks import check_splits
from sppnet.data.store import restart_directory


def run(
    *,
    root: Annotated[
        Path, Parameter(help="Folder of ImageNet 2012, with the archives or with train/ and val/.")
    ],
    manifest: PreparedManifest,
    problems: Problems,
    work: Work,
    workers: Workers = 2,
) -> None:
    """Check every image of ImageNet 2012; write the manifest and the list of problems."""
    devkit = read_devkit(root)
    # Both before either is decoded, which takes hours.
    places = training_places(root, devkit)
    held_out = validation_places(root, devkit)
    restart = restart_directory(work, {"root": root}, [])
    training, found = read_images(places, "train", workers=workers, restart=restart)
    testing, also_found = read_images(held_out, "val", workers=workers, restart=restart)
    records, conflicts = check_splits(training, testing, str(root))
    found = [*missing_images(places, devkit), *found, *also_found, *conflicts]
    write_prepared(records, found, ("train", "val"), manifest=manifest, problems=problems)
    shutil.rmtree(restart)
