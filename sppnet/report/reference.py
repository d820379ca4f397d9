"""The paper's own numbers, each with where it was read."""

import csv
from dataclasses import dataclass
from pathlib import Path

from sppnet.errors import SppnetError

COLUMNS = ("table", "row", "column", "value", "origin")


@dataclass(frozen=True)
class PaperValue:
    """A number of the paper.

    Attributes:
        value: in the paper's unit: % for mean average precision, seconds for times.
        origin: where it was read; "unverified" where from memory only.
    """

    value: float
    origin: str


def read_reference(path: Path, table: int) -> dict[tuple[str, str], PaperValue]:
    """The numbers of one table by (row, column).

    Args:
        path: CSV with the columns table, row, column, value and origin.
        table: its number in the paper.

    Raises:
        SppnetError: the file is missing or lacks a column, or a value of the table is no number.
    """
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
    return {
        (cell["row"], cell["column"]): PaperValue(_number(cell["value"], path), cell["origin"])
        for cell in cells
        if cell["table"] == str(table)
    }


def _number(text: str, path: Path) -> float:
    try:
        return float(text)
    except ValueError:
        raise SppnetError(f"{path}: {text!r} is not a number; correct it") from None
