"""Tables of any kind: rows and cells, printed, and written as CSV and JSON."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sppnet.data.store import atomic_path, write_json


@dataclass(frozen=True)
class Row:
    """A row: its key in JSON, heading, name in the paper's numbers, and source."""

    key: str
    heading: str
    reference: str
    source: str


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        value: the number, in `unit`.
        unit: "%", "s" or "x".
        n: number of test images.
        low, high: 95 % interval, None where there is none.
        paper: the paper's number; None where the paper gives none.
        paper_origin: where the paper's number was read.
    """

    value: float
    unit: str
    n: int
    low: float | None = None
    high: float | None = None
    paper: float | None = None
    paper_origin: str | None = None


Cells = dict[str, dict[str, Cell]]


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """The table for a terminal: first column left-aligned, numbers right-aligned."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if i else text.ljust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def write_table(
    table: Path, lines: Sequence[Sequence[str]], cells: Path, metadata: Mapping[str, Any]
) -> None:
    """Write a table as CSV, and its JSON metadata beside it."""
    with atomic_path(table) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    write_json(cells, metadata)


def headings(
    columns: Mapping[str, str], keys: Sequence[str], lines: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Where the cells of the JSON metadata stand in the table.

    Args:
        columns: heading by name.
        keys: of the rows, in order.
        lines: the table as text, with the texts that lead a row before its cells.
    """
    leading = len(lines[0]) - len(columns)
    rows = {key: list(line[:leading]) for key, line in zip(keys, lines[1:], strict=True)}
    return {"headings": {"columns": dict(columns), "rows": rows}}


def metrics(cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON metadata of a table: every cell with unit, n, interval and the paper's number."""
    return {
        "columns": {
            name: {
                key: {field: value for field, value in asdict(cell).items() if value is not None}
                for key, cell in rows.items()
            }
            for name, rows in cells.items()
        }
    }
