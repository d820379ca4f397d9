"""Tables 6 and 7: linear SVMs on every layer of a pretrained network, laid out as in the paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sppnet.errors import SppnetError
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.reference import PaperValue
from sppnet.report.requests import Column
from sppnet.report.scores import percent
from sppnet.report.tables import Cell, Cells, Row

LAYER_ROWS = (
    Row("conv4", "conv4", "conv4", "conv4"),
    Row("conv5", "conv5", "conv5", "conv5"),
    Row("pool", "pool5/7 (6x6)", "pool5/7_6x6", "pool"),
    Row("spp", "SPP pool5/7", "SPP_pool5/7", "spp"),
    Row("fc6", "fc6/8", "fc6/8", "fc6"),
    Row("fc7", "fc7/9", "fc7/9", "fc7"),
)
ROWS = {6: tuple(row for row in LAYER_ROWS if row.key != "spp"), 7: LAYER_ROWS}
WARPED_ROW = Row("spp_warped", "SPP pool5/7, warped to a square", "SPP_pool5/7_warped", "spp")


@dataclass(frozen=True)
class TransferCell(Cell):
    """A cell of Tables 6 to 8.

    Attributes:
        deviation: standard deviation over random splits, None where there are none.
        splits: accuracy in each, %; the value is their mean.
        layer: name of the layer in its network.
    """

    deviation: float | None = None
    layer: str | None = None
    splits: list[float] | None = None


Reference = Mapping[PaperNumber, PaperValue]


def layer_cells(
    table: int,
    columns: Sequence[Column],
    results: Mapping[str, Mapping[str, Any]],
    reference: Reference,
) -> Cells:
    """Cells of Table 6 or 7 by column name and row key, without layers that a column lacks.

    Args:
        table: 6 or 7.
        columns: in the order of the table.
        results: what `transfer` wrote, by column name; fractions become percent.
        reference: the paper's numbers.

    Raises:
        SppnetError: a result was not written by transfer.
    """
    cells: Cells = {}
    for column in columns:
        layers = measured_layers(results[column.name], column.name)
        cells[column.name] = {
            row.key: measured_cell(layers[row.source], _paper_value(table, row, column, reference))
            for row in ROWS[table]
            if row.source in layers
        }
    return cells


def add_warped(
    cells: Cells, column: Column, warped: Mapping[str, Any], reference: Reference
) -> None:
    """Add the comparison of a column: the pyramid of images that are warped to squares.

    Raises:
        SppnetError: the result lacks the pyramid.

    Source: paper §3.3 (warping loses what keeping the aspect gains).
    """
    name = f"{column.name}, warped"
    measured = one_layer(measured_layers(warped, name), WARPED_ROW.source, name)
    paper = _paper_value(7, WARPED_ROW, column, reference)
    cells[column.name][WARPED_ROW.key] = measured_cell(measured, paper)


def _paper_value(table: int, row: Row, column: Column, reference: Reference) -> PaperValue | None:
    if column.reference is None:
        return None
    return reference.get(PaperNumber(table=table, row=row.reference, column=column.reference))


def table_rows(table: int, cells: Cells) -> tuple[Row, ...]:
    """The rows of Table 6 or 7, with that of warped images if a column has it."""
    warped = any(WARPED_ROW.key in rows for rows in cells.values())
    return (*ROWS[table], WARPED_ROW) if warped else ROWS[table]


def layer_lines(table: int, columns: Sequence[Column], cells: Cells) -> list[list[str]]:
    """Table 6 or 7 as text: headings, then one line per row; - where a column has no such layer."""
    lines = [["", *(column.title for column in columns)]]
    for row in table_rows(table, cells):
        row_cells = [cells[column.name].get(row.key) for column in columns]
        lines.append(
            [row.heading, *("-" if cell is None else percent_text(cell) for cell in row_cells)]
        )
    return lines


def measured_layers(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What `transfer` measured at each layer.

    Args:
        result: what `transfer` wrote.
        name: name of the result, for the message.

    Raises:
        SppnetError: the result was not written by transfer.
    """
    layers = result.get("layers")
    if not isinstance(layers, Mapping) or not layers:
        raise SppnetError(f"result of {name}: not a result of transfer; run transfer again")
    return layers


def one_layer(layers: Mapping[str, Any], layer: str, name: str) -> Mapping[str, Any]:
    """What was measured at one layer.

    Raises:
        SppnetError: the result lacks the layer.
    """
    if layer not in layers:
        layer_names = ", ".join(layers)
        raise SppnetError(f"result of {name}: has no layer {layer!r}; there are: {layer_names}")
    measured: Mapping[str, Any] = layers[layer]
    return measured


def measured_cell(measured: Mapping[str, Any], paper: PaperValue | None) -> TransferCell:
    """The cell of one measured layer, with the paper's number if there is one."""
    deviation, splits = measured.get("deviation"), measured.get("splits")
    return TransferCell(
        value=_percent(measured["value"]),
        unit="%",
        n=int(measured["n"]),
        low=_percent(measured["low"]),
        high=_percent(measured["high"]),
        paper=paper.value if paper else None,
        paper_origin=paper.origin if paper else None,
        deviation=None if deviation is None else _percent(deviation),
        layer=measured["name"],
        splits=None if splits is None else [percent(share) for share in splits],
    )


def _percent(fraction: float) -> float:
    return round(100 * fraction, 2)


def percent_text(cell: Cell) -> str:
    """Two decimals, as the paper prints them."""
    return f"{cell.value:.2f}"
