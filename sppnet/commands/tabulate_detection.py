"""tabulate-detection: Table 9 as CSV and JSON."""

from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.data.store import read_json
from sppnet.errors import SppnetError
from sppnet.report.detection_table import layout, table9_cells
from sppnet.report.reference import read_reference
from sppnet.report.tables import Column, aligned, metrics, write_table


def run(
    column: Annotated[list[str], Option(help="Detector of a column; repeat, in table order.")],
    title: Annotated[list[str], Option(help="Heading of each column, in the same order.")],
    reference_column: Annotated[list[str], Option(help="Its column in the paper, or none.")],
    evaluation: Annotated[list[Path], Option(help="evaluation.json of each, in the same order.")],
    timing: Annotated[Path, Option(help="timing.json of measure-speed.")],
    baseline: Annotated[str, Option(help="The column that speedups refer to.")],
    reference: Annotated[Path, Option(help="The paper's numbers (.csv).")],
    bootstrap: Annotated[int, Option(help="Samples of the images for intervals of times.", min=1)],
    seed: Annotated[int, Option(help="Seed of the samples.")],
    table: Annotated[Path, Option("--csv", help="The table, laid out as in the paper.")],
    cells: Annotated[Path, Option("--json", help="Every cell: value, unit, n, interval, paper.")],
) -> None:
    """Lay out Table 9, print it, and write it as CSV and JSON."""
    if len({len(column), len(title), len(reference_column), len(evaluation)}) != 1:
        raise SppnetError(
            "--column, --title, --reference-column, --evaluation: give each once per column"
        )
    columns = [Column(*parts) for parts in zip(column, title, reference_column, strict=True)]
    evaluations = {name: read_json(path) for name, path in zip(column, evaluation, strict=True)}
    paper = read_reference(reference, table=9)
    found = table9_cells(
        columns,
        evaluations,
        read_json(timing),
        paper,
        baseline=baseline,
        replicates=bootstrap,
        seed=seed,
    )
    lines = layout(columns, found, baseline=baseline)
    write_table(table, lines, cells, metrics(found))
    print(aligned(lines))
