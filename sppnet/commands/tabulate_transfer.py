"""tabulate-transfer: Tables 6, 7 and 8 as CSV and JSON."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Reference, Written
from sppnet.config.requests import read_request
from sppnet.data.store import read_json
from sppnet.report.reference import read_paper_rows, read_reference
from sppnet.report.requests import TransferTableRequest
from sppnet.report.tables import aligned, headings, metrics, write_table
from sppnet.report.transfer_comparison import comparison_cells, comparison_lines, row_names
from sppnet.report.transfer_tables import add_warped, layer_cells, layer_lines, table_rows


def run(
    *,
    columns: Annotated[
        Path,
        Parameter(
            help="Table and its columns (.json): for each column its name, heading, column in "
            "the paper and result of transfer; for Table 8 also its layer."
        ),
    ],
    reference: Reference,
    table: Annotated[
        Written, Parameter(name="--csv", help="Table, laid out as in the paper (.csv).")
    ],
    metadata: Annotated[
        Written,
        Parameter(
            name="--json", help="Cells with value, unit, n, interval and paper number (.json)."
        ),
    ],
) -> None:
    """Print Table 6, 7 or 8, and write it as CSV and JSON."""
    request = read_request(columns, TransferTableRequest)
    results = {column.name: read_json(column.result) for column in request.columns}
    if request.table == 8:
        rows = read_paper_rows(reference, request.table)
        keys = row_names(rows)
        layers = [str(column.layer) for column in request.columns]
        compared = comparison_cells(request.columns, results, layers, rows)
        lines, cells = comparison_lines(request.columns, compared, rows), metrics(compared)
    else:
        paper = read_reference(reference, request.table)
        measured = layer_cells(request.table, request.columns, results, paper)
        if request.warped:
            warped = read_json(request.warped.result)
            (beside,) = (
                column for column in request.columns if column.name == request.warped.beside
            )
            add_warped(measured, beside, warped, paper)
        lines, cells = layer_lines(request.table, request.columns, measured), metrics(measured)
        keys = [row.key for row in table_rows(request.table, measured)]
    titles = {column.name: column.title for column in request.columns}
    write_table(table, lines, metadata, cells | headings(titles, keys, lines))
    print(aligned(lines))
