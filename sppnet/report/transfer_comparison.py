"""Table 8: results of other methods on VOC 2007 and Caltech-101, and ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sppnet.errors import SppnetError
from sppnet.report.reference import UNVERIFIED, PaperRow, PaperValue
from sppnet.report.requests import Column
from sppnet.report.transfer_tables import (
    TransferCell,
    measured_cell,
    measured_layers,
    one_layer,
    percent_text,
)

OUR_ROW = "ours"
HEADINGS = {
    "ZF": "Zeiler & Fergus",
    "Oquab": "Oquab et al.",
    "Chatfield": "Chatfield et al.",
}
NUMBER = re.compile(r"(\d+(?:\.\d+)?)(?:\+-(\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class QuotedCell:
    """A number reported by others, which is not computed here.

    Attributes:
        text: as the paper prints it.
        value: the number in it, %.
        origin: where it was read.
        deviation: standard deviation over random splits, where the text has one.
        quoted: always true; distinguishes it from measured cells in JSON.
    """

    text: str
    value: float
    origin: str
    deviation: float | None
    quoted: bool = True


Cells = dict[str, dict[str, TransferCell | QuotedCell]]


def comparison_cells(
    columns: Sequence[Column],
    results: Mapping[str, Mapping[str, Any]],
    layers: Sequence[str],
    paper: Sequence[PaperRow],
) -> Cells:
    """Cells by column name and row: quoted numbers, and ours from the given results.

    Args:
        columns: the data sets, in the order of the table.
        results: what `transfer` wrote for each, chosen in advance and not by these numbers.
        layers: the layer that is reported for each.
        paper: rows of the paper's table.

    Raises:
        SppnetError: a result lacks its layer, or a quoted text does not begin with a number.
    """
    cells: Cells = {}
    for column, layer in zip(columns, layers, strict=True):
        quoted = {
            row.name: _quoted(row.texts[column.reference], row.origins[column.reference])
            for row in paper
            if column.reference in row.texts
        }
        ours = quoted.pop(OUR_ROW, None)
        measured = one_layer(measured_layers(results[column.name], column.name), layer, column.name)
        cell = measured_cell(measured, PaperValue(ours.value, ours.origin) if ours else None)
        cells[column.name] = {**quoted, OUR_ROW: cell}
    return cells


def row_names(paper: Sequence[PaperRow]) -> list[str]:
    """The rows of Table 8: the paper's in order, and ours last."""
    return [*(row.name for row in paper if row.name != OUR_ROW), OUR_ROW]


def comparison_lines(
    columns: Sequence[Column], cells: Cells, paper: Sequence[PaperRow]
) -> list[list[str]]:
    """The table as text: the paper's rows in order, with our number in place of the paper's own.

    Our row gives the number of images, because a subset of a set is easier than the whole set.
    """
    lines = [["", *(column.title for column in columns)]]
    for name in row_names(paper):
        row_cells = [cells[column.name].get(name) for column in columns]
        heading = f"{HEADINGS.get(name, name)} ({_origin(columns, row_cells)})"
        if name == OUR_ROW:
            images = ", ".join(str(cell.n) for cell in row_cells if isinstance(cell, TransferCell))
            heading = f"SPP-net (ours, on {images} images)"
        lines.append([heading, *("-" if cell is None else _text(cell) for cell in row_cells)])
    return lines


def _origin(columns: Sequence[Column], cells: Sequence[TransferCell | QuotedCell | None]) -> str:
    """Note that a row is quoted, and in which columns the number is unverified."""
    quoted = {
        column.title: cell.origin == UNVERIFIED
        for column, cell in zip(columns, cells, strict=True)
        if isinstance(cell, QuotedCell)
    }
    doubtful = [title for title, unverified in quoted.items() if unverified]
    if not doubtful:
        return "quoted"
    which = "" if len(doubtful) == len(quoted) else f"{' and '.join(doubtful)} "
    return f"quoted, {which}{UNVERIFIED}"


def _quoted(text: str, origin: str) -> QuotedCell:
    match = NUMBER.match(text)
    if not match:
        raise SppnetError(f"reference: {text!r} does not begin with a number; correct it")
    deviation = float(match[2]) if match[2] else None
    return QuotedCell(text, float(match[1]), origin, deviation)


def _text(cell: TransferCell | QuotedCell) -> str:
    if isinstance(cell, QuotedCell):
        return cell.text
    deviation = "" if cell.deviation is None else f"+-{cell.deviation:.1f}"
    return f"{percent_text(cell)}{deviation}"
