"""tabulate-transfer: Tables 6, 7 and 8 as CSV and JSON."""

from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.data.store import read_json
from sppnet.errors import SppnetError
from sppnet.report.reference import read_paper_rows, read_reference
from sppnet.report.tables import Column, aligned, metrics, write_table
from sppnet.report.transfer_comparison import (
    comparison_cells,
    comparison_lines,
)
from sppnet.report.transfer_tables import add_warped, layer_cells, layer_lines


def run(
    table: Annotated[int, Option(help="6 (VOC 2007), 7 (Caltech-101) or 8 (both, and others').")],
    column: Annotated[list[str], Option(help="Name of a column; repeat, in table order.")],
    title: Annotated[list[str], Option(help="Heading of each column, in the same order.")],
    reference_column: Annotated[list[str], Option(help="Its column in the paper, or none.")],
    result: Annotated[list[Path], Option(help="Result of transfer of each, in the same order.")],
    reference: Annotated[Path, Option(help="The paper's numbers (.csv).")],
    csv_path: Annotated[Path, Option("--csv", help="The table, laid out as in the paper.")],
    cells: Annotated[Path, Option("--json", help="Every cell: value, unit, n, interval, paper.")],
    warped: Annotated[
        Path | None, Option(help="Table 7: result of transfer on images warped to squares.")
    ] = None,
    warped_column: Annotated[
        str | None, Option(help="Table 7: the column that it is compared with.")
    ] = None,
    layer: Annotated[
        list[str] | None, Option(help="Table 8: layer that speaks for each column, in order.")
    ] = None,
) -> None:
    """Lay out Table 6, 7 or 8, print it, and write it as CSV and JSON."""
    _check(table, [column, title, reference_column, result], layer, (warped, warped_column))
    columns = [Column(*parts) for parts in zip(column, title, reference_column, strict=True)]
    results = {name: read_json(path) for name, path in zip(column, result, strict=True)}
    if table == 8:
        paper_rows = read_paper_rows(reference, table)
        compared = comparison_cells(columns, results, layer or [], paper_rows)
        lines = comparison_lines(columns, compared, paper_rows)
        metadata = metrics(compared)
    else:
        paper = read_reference(reference, table)
        found = layer_cells(table, columns, results, paper)
        if warped is not None:
            beside = next((each for each in columns if each.name == warped_column), None)
            if beside is None:
                raise SppnetError(f"--warped-column {warped_column}: no such --column; name one")
            add_warped(found, beside, read_json(warped), paper)
        lines, metadata = layer_lines(table, columns, found), metrics(found)
    write_table(csv_path, lines, cells, metadata)
    print(aligned(lines))


def _check(
    table: int,
    columns: list[list[str] | list[Path]],
    layer: list[str] | None,
    warped: tuple[Path | None, str | None],
) -> None:
    """Refuse flags that do not go together."""
    if table not in (6, 7, 8):
        raise SppnetError(f"--table {table}: must be 6, 7 or 8")
    if len({len(flag) for flag in columns}) != 1:
        raise SppnetError(
            "--column, --title, --reference-column, --result: give each once per column"
        )
    if len(layer or []) != (len(columns[0]) if table == 8 else 0):
        raise SppnetError(f"--layer: --table {table}; give it once per column of Table 8 only")
    if (None in warped and warped != (None, None)) or (table != 7 and warped != (None, None)):
        raise SppnetError("--warped, --warped-column: give both or none, for Table 7 only")
