"""prepare-image-folder: read a set with a folder per class once and list what is wrong with it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import PreparedManifest, Problems, Workers
from sppnet.data.image_folder import labelled_files, read_image_folder
from sppnet.data.preparation import write_prepared
from sppnet.data.split_checks import check_splits


def run(
    *,
    root: Annotated[Path, Parameter(help="Folder with train/<class>/ and val/<class>/.")],
    manifest: PreparedManifest,
    problems: Problems,
    workers: Workers = 2,
) -> None:
    """Check every image of an image folder; write the manifest and the list of problems."""
    for split in ("train", "val"):  # an empty class must not show after hours of decoding
        labelled_files(root, split)
    training, found = read_image_folder(root, "train", workers=workers)
    testing, also_found = read_image_folder(root, "val", workers=workers)
    records, conflicts = check_splits(training, testing, str(root))
    found = [*found, *also_found, *conflicts]
    write_prepared(records, found, ("train", "val"), manifest=manifest, problems=problems)
