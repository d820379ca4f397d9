"""prepare-imagenet: check ImageNet 2012 and list its problems."""

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
    # Both are looked up before decoding, which takes hours.
    places = training_places(root, devkit)
    held_out = validation_places(root, devkit)
    restart = restart_directory(work, {"root": root}, [])
    training, training_problems = read_images(places, "train", workers=workers, restart=restart)
    validation, validation_problems = read_images(held_out, "val", workers=workers, restart=restart)
    records, conflicts = check_splits(training, validation, str(root))
    missing = missing_images(places, devkit)
    image_problems = [*missing, *training_problems, *validation_problems, *conflicts]
    write_prepared(records, image_problems, ("train", "val"), manifest=manifest, problems=problems)
    shutil.rmtree(restart)
