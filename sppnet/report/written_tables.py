"""Tables read back: what the CSV shows, beside what the JSON metadata say."""

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from sppnet.data.store import read_json
from sppnet.errors import SppnetError
from sppnet.report.architectures import metadata_lines

NOTHING = "-"
CLAIMS = "claims"
NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]\d+)?)"
# an error and its gain, an accuracy and its deviation, a number of times as fast
MEASURED = re.compile(rf"{NUMBER}x?(?: \({NUMBER}\))?(?:\+-{NUMBER})?")
REBUILD = "build the table again with snakemake"


class Position(NamedTuple):
    """Where a cell stands: the texts that lead its row, joined by " | ", and its heading."""

    row: str
    column: str


@dataclass(frozen=True)
class WrittenCell:
    """A cell of a table as it was written.

    Attributes:
        text: in the CSV; "" where it has no such row or column.
        metadata: of the cell in JSON: `text` where it must read so, else at least `value`; None
            where the JSON metadata have no such cell.
    """

    text: str
    metadata: Mapping[str, Any] | None = field(default=None)

    @property
    def value(self) -> float | None:
        """The number before it was rounded for the table; None for texts and quoted numbers."""
        fields = self.metadata or {}
        is_quoted = "text" in fields or fields.get("quoted", False)
        return None if is_quoted or not _is_number(fields.get("value")) else fields["value"]

    @property
    def is_shown(self) -> bool:
        """Whether the CSV shows what the JSON metadata say."""
        if self.metadata is None:
            return self.text == NOTHING
        if "text" in self.metadata:
            return bool(self.text == self.metadata["text"])
        if self.text == NOTHING:  # the baseline of speedups
            return self.metadata.get("unit") == "x" and self.metadata.get("value") == 1
        return _shows(self.text, self.metadata)


def _shows(text: str, fields: Mapping[str, Any]) -> bool:
    match = MEASURED.fullmatch(text)
    if match is None:
        return False
    value, gain, deviation = match.groups()
    return (
        _rounds_to(fields.get("value"), value)
        and (_rounds_to(fields["gain"], gain) if "gain" in fields else gain is None)
        and (deviation is None or _rounds_to(fields.get("deviation"), deviation))
    )


def _rounds_to(number: Any, printed: str | None) -> bool:
    """Whether a number, rounded to the digits that are printed, is the printed one."""
    if printed is None or not _is_number(number):
        return False
    half_a_digit = Decimal(printed).as_tuple().exponent
    assert isinstance(half_a_digit, int)
    return abs(Decimal(number) - Decimal(printed)) <= Decimal((0, (5,), half_a_digit - 1))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


Table = dict[Position, WrittenCell]


def read_table(path: Path) -> Table:
    """All cells of a table, in the order of its CSV, then those that only the metadata have.

    Args:
        path: of the CSV; its JSON metadata lie beside it.

    Raises:
        SppnetError: one of the files is missing or not what a tabulating command writes.
    """
    metadata_path = path.with_suffix(".json")
    metadata = read_json(metadata_path)
    lines = _read_lines(path)
    try:
        leading, cells = _metadata_cells(metadata, lines[0])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SppnetError(f"{metadata_path}: not the metadata of a table; {REBUILD}") from None
    texts = _texts(lines, leading, path)
    table = {position: WrittenCell(text, cells.get(position)) for position, text in texts.items()}
    return table | {
        position: WrittenCell("", fields)
        for position, fields in cells.items()
        if position not in texts
    }


def _read_lines(path: Path) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise SppnetError(f"{path}: cannot be read ({error}); {REBUILD}") from None
    if not lines or {len(line) for line in lines} != {len(lines[0])}:
        raise SppnetError(f"{path}: rows of different lengths, or none; {REBUILD}")
    return lines


def _texts(lines: Sequence[Sequence[str]], leading: int, path: Path) -> dict[Position, str]:
    texts: dict[Position, str] = {}
    for line in lines[1:]:
        row = " | ".join(line[:leading])
        for heading, text in zip(lines[0][leading:], line[leading:], strict=True):
            position = Position(row, heading)
            if position in texts:
                raise SppnetError(f"{path}: {row!r}, {heading!r} stands twice; {REBUILD}")
            texts[position] = text
    return texts


MetadataCells = dict[Position, Mapping[str, Any]]


def _metadata_cells(metadata: Any, headings: Sequence[str]) -> tuple[int, MetadataCells]:
    """The number of texts that lead a row, and the cells of the JSON metadata."""
    if CLAIMS in metadata:
        return 1, _claim_cells(metadata[CLAIMS], headings[1:])
    if "backbones" in metadata:
        first, *rows = metadata_lines(metadata)
        return 1, {
            Position(row[0], heading): {"text": text}
            for row in rows
            for heading, text in zip(first[1:], row[1:], strict=True)
        }
    columns, rows = metadata["headings"]["columns"], metadata["headings"]["rows"]
    return len(next(iter(rows.values()))), {
        Position(" | ".join(rows[row]), columns[column]): dict(fields)
        for column, column_cells in metadata["columns"].items()
        for row, fields in column_cells.items()
    }


def _claim_cells(claims: Iterable[Mapping[str, Any]], headings: Sequence[str]) -> MetadataCells:
    """The cells of the table of claims: numbers, or texts that must be equal."""
    cells: MetadataCells = {}
    for claim in claims:
        for heading in headings:
            value = claim[heading.replace(" ", "_")]
            number = {"value": value} | {name: claim[name] for name in ("unit", "n", "low", "high")}
            text = {"text": NOTHING if value is None else value}
            cells[Position(claim["claim"], heading)] = number if _is_number(value) else text
    return cells
