"""tabulate-errors: Tables 2 to 5 and the ablations as CSV and JSON."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Reference, Written
from sppnet.config.requests import read_request
from sppnet.report.error_tables import cell_metrics, error_table, layout
from sppnet.report.requests import ErrorTableRequest
from sppnet.report.tables import aligned, write_table
from sppnet.statistics.settings import Bootstrap


def run(
    *,
    cells: Annotated[Path, Parameter(help="Table and its cells (.json).")],
    reference: Reference,
    interval: Bootstrap,
    text: Annotated[
        Written, Parameter(name="--csv", help="Table, laid out as in the paper (.csv).")
    ],
    metadata: Annotated[
        Written,
        Parameter(name="--json", help="Cells with value, n, interval and paper number (.json)."),
    ],
) -> None:
    """Print a table of classification errors, and write it as CSV and JSON."""
    request = read_request(cells, ErrorTableRequest)
    lines = error_table(request, reference, interval)
    texts = layout(request.table, lines)
    write_table(text, texts, metadata, cell_metrics(lines))
    print(aligned(texts))
