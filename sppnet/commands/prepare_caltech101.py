"""prepare-caltech101: read Caltech-101 once and list what is wrong with it."""

from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.data.caltech101 import category_counts, read_caltech101, require_enough
from sppnet.data.manifest import write_manifest, write_problems
from sppnet.data.split_checks import require_usable


def run(
    root: Annotated[Path, Option(help="Folder with 101_ObjectCategories/<category>/ in it.")],
    train_per_class: Annotated[
        int, Option(help="Training images that every category must have.", min=1)
    ],
    manifest: Annotated[Path, Option(help="Images read, Parquet.")],
    problems: Annotated[Path, Option(help="What was wrong and what was done about it, CSV.")],
    workers: Annotated[int, Option(help="Processes that decode.", min=1)] = 2,
) -> None:
    """Decode every picture of Caltech-101 once; write the manifest and the list of problems."""
    records, found = read_caltech101(root, train_per_class, workers=workers)
    write_problems(problems, found)
    require_usable(records, "caltech101", str(problems))
    counts = category_counts(records, root)
    # Once more, because broken pictures have been left out.
    require_enough(counts, train_per_class, problems)
    write_manifest(manifest, records)
    each = ", ".join(f"{name} {count}" for name, count in counts.items())
    print(f"caltech101: {len(records)} images, {len(counts)} categories: {each}")
    print(f"{len(found)} problems, listed in {problems}")
