"""The paper's own numbers, each with where it was read."""

import csv
from dataclasses import dataclass
from pathlib import Path

from sppnet.errors import SppnetError
from sppnet.report.paper_numbers import PaperNumber, TableKey

COLUMNS = ("table", "row", "column", "value", "origin")
UNVERIFIED = "unverified"  # the origin of a number from memory only


@dataclass(frozen=True)
class PaperValue:
    """A number of the paper.

    Attributes:
        value: in the paper's unit: % for mean average precision, seconds for times.
        origin: where it was read, or `UNVERIFIED`.
    """

    value: float
    origin: str


@dataclass(frozen=True)
class PaperRow:
    """A row of a table of the paper, as text.

    Attributes:
        name: what the row is about; rows may share one.
        texts: what the paper prints, by column.
        origins: where each text was read.
    """

    name: str
    texts: dict[str, str]
    origins: dict[str, str]


def read_reference(path: Path, *tables: TableKey) -> dict[PaperNumber, PaperValue]:
    """The numbers of some tables.

    Args:
        path: CSV with the columns table, row, column, value and origin.
        tables: numbers in the paper, or names of groups of numbers from the paper's text.

    Raises:
        SppnetError: the file is missing or lacks a column, or a value of the table is no number.
    """
    cells = _cells(path)
    return {
        PaperNumber(table=table, row=cell["row"], column=cell["column"]): PaperValue(
            _number(cell["value"], path), cell["origin"]
        )
        for table in tables
        for cell in cells
        if cell["table"] == str(table)
    }


def read_paper_rows(path: Path, table: int) -> list[PaperRow]:
    """The rows of one table in the paper's order.

    A new row begins where the name changes or a column comes up again: two rows of Table 4 may
    have one name and differ in their number of scales.

    Raises:
        SppnetError: the file is missing or lacks a column.
    """
    rows: list[PaperRow] = []
    for cell in _cells(path):
        if cell["table"] != str(table):
            continue
        name, column = cell["row"], cell["column"]
        if not rows or rows[-1].name != name or column in rows[-1].texts:
            rows.append(PaperRow(name, {}, {}))
        rows[-1].texts[column] = cell["value"]
        rows[-1].origins[column] = cell["origin"]
    return rows


def _cells(path: Path) -> list[dict[str, str]]:
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            cells = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise SppnetError(
            f"{path}: cannot be read ({error}); restore it from the repository"
        ) from None
    missing = [name for name in COLUMNS if not cells or name not in cells[0]]
    if missing:
        raise SppnetError(f"{path}: no column {missing[0]!r}; restore it from the repository")
    return cells


def _number(text: str, path: Path) -> float:
    try:
        return float(text)
    except ValueError:
        raise SppnetError(f"{path}: {text!r} is not a number; correct it") from None
