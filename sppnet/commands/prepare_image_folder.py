"""prepare-image-folder: check an image set with one folder per class and list its problems."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import PreparedManifest, Problems, Workers
from sppnet.data.image_folder import image_folder_files, read_image_folder
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
    list(image_folder_files(root))  # finds an empty class before hours of decoding
    training, training_problems = read_image_folder(root, "train", workers=workers)
    validation, validation_problems = read_image_folder(root, "val", workers=workers)
    records, conflicts = check_splits(training, validation, str(root))
    image_problems = [*training_problems, *validation_problems, *conflicts]
    write_prepared(records, image_problems, ("train", "val"), manifest=manifest, problems=problems)
