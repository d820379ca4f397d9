"""prepare-caltech101: check Caltech-101 and list its problems."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.classify.settings import CategoryImages
from sppnet.commands.options import PreparedManifest, Problems, Workers
from sppnet.data.caltech101 import category_counts, read_caltech101, require_enough
from sppnet.data.preparation import problems_listed, write_prepared


def run(
    *,
    root: Annotated[Path, Parameter(help="Folder that contains 101_ObjectCategories/<category>/.")],
    needed: CategoryImages,
    manifest: PreparedManifest,
    problems: Problems,
    workers: Workers = 2,
) -> None:
    """Check every image of Caltech-101; write the manifest and the list of problems."""
    records, image_problems = read_caltech101(root, needed.train_per_class, workers=workers)
    # Checked again, because broken images were left out; the list shows which.
    with problems_listed(image_problems, problems):
        require_enough(category_counts(records, root), needed.train_per_class, root)
    write_prepared(records, image_problems, ("all",), manifest=manifest, problems=problems)
