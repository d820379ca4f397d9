"""tabulate-detection: Table 9 as CSV and JSON."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Reference, Written
from sppnet.config.requests import read_request
from sppnet.data.store import read_json
from sppnet.report.detection_table import ROWS, layout, table9_cells
from sppnet.report.reference import read_reference
from sppnet.report.requests import DetectionColumns
from sppnet.report.settings import Speedups
from sppnet.report.tables import aligned, headings, metrics, write_table
from sppnet.statistics.settings import Bootstrap


def run(
    *,
    columns: Annotated[
        Path,
        Parameter(
            help="Columns (.json): for each its name, heading, evaluation and column in the paper."
        ),
    ],
    timing: Annotated[Path, Parameter(help="Times from measure-speed (.json).")],
    speedups: Speedups,
    reference: Reference,
    bootstrap: Bootstrap,
    table: Annotated[
        Written, Parameter(name="--csv", help="Table, laid out as in the paper (.csv).")
    ],
    cells: Annotated[
        Written,
        Parameter(
            name="--json", help="Cells with value, unit, n, interval and paper number (.json)."
        ),
    ],
) -> None:
    """Print Table 9, and write it as CSV and JSON."""
    detectors = read_request(columns, DetectionColumns).columns
    measured = table9_cells(
        detectors,
        {column.name: read_json(column.evaluation) for column in detectors},
        read_json(timing),
        read_reference(reference, 9),
        baseline=speedups.baseline,
        bootstrap=bootstrap,
    )
    lines = layout(detectors, measured, baseline=speedups.baseline)
    titles = {column.name: column.title for column in detectors}
    keys = [row.key for row in ROWS]
    write_table(table, lines, cells, metrics(measured) | headings(titles, keys, lines))
    print(aligned(lines))
