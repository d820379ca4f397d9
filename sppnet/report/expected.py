"""Expected results: what the tables of a configuration should show, and within what tolerance.

The tolerances are explained in `docs/expected.md`.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError
from sppnet.report.claims import find_claim
from sppnet.report.verdicts import BLIND, UNDECIDED, verdict
from sppnet.report.written_tables import CLAIMS, NOTHING, Position, Table, WrittenCell

EXACTLY, ANY, FACTOR = "", "any", "x"
HALF_INTERVALS = 2  # in the tolerance of a cell
SPEEDUP_FACTOR = 2  # within which speedups repeat on another processor
NEVER_SEEN = 300  # 3 / n, the 95 % limit of the share of what none of n images shows; in %
EFFECT, VERDICT = "ours", "verdict"  # columns of the table of claims
REWRITE = "if the change is wanted, write the file anew with sppnet write-expected"


class Expectation(NamedTuple):
    """What a cell should show.

    Attributes:
        table: name of its file, without suffix.
        row: the texts that lead its row, joined by " | ".
        column: heading.
        expected: a number in the unit of the cell, or a text.
        tolerance: what a number may differ by, "xF" for a factor of F, "any" if it need only be a
            number; empty for a text.
    """

    table: str
    row: str
    column: str
    expected: str
    tolerance: str

    @property
    def position(self) -> Position:
        """Where the cell stands in its table."""
        return Position(self.row, self.column)

    def is_met(self, cell: WrittenCell) -> bool:
        """Whether a cell shows what is expected."""
        limits = self.limits()
        if limits is None:
            return cell.text == self.expected
        return cell.value is not None and limits[0] <= Decimal(str(cell.value)) <= limits[1]

    def limits(self) -> tuple[Decimal, Decimal] | None:
        """The smallest and the largest number that are expected; None for a text.

        Raises:
            ValueError: the tolerance is of no such form, or the number is none.
        """
        if self.tolerance == EXACTLY:
            return None
        if self.tolerance == ANY:
            return Decimal("-Infinity"), Decimal("Infinity")
        number = _number(self.expected)
        if not self.tolerance.startswith(FACTOR):
            tolerance = _number(self.tolerance)
            if tolerance < 0:
                raise ValueError(f"tolerance {self.tolerance} is negative")
            return number - tolerance, number + tolerance
        factor = _number(self.tolerance.removeprefix(FACTOR))
        if factor < 1 or number <= 0:
            raise ValueError(f"a factor below 1, or of {self.expected}")
        return number / factor, number * factor


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


class Deviation(NamedTuple):
    """A cell that does not show what is expected."""

    table: str
    row: str
    column: str
    expected: str
    tolerance: str
    found: str


def read_expected(path: Path) -> list[Expectation]:
    """Read the expected results of a configuration.

    Raises:
        SppnetError: the file cannot be read, or a line is not an expectation.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            first, *lines = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise SppnetError(
            f"{path}: cannot be read ({error}); write it with sppnet write-expected"
        ) from None
    if tuple(first) != Expectation._fields:
        raise SppnetError(f"{path}: its first line must read {','.join(Expectation._fields)}")
    expectations: dict[tuple[str, Position], Expectation] = {}
    for number, line in enumerate(lines, start=2):
        try:
            expectation = Expectation(*line)
            expectation.limits()
        except (TypeError, ValueError) as error:
            raise SppnetError(f"{path}: entry {number}: {error}; correct it") from None
        if (key := (expectation.table, expectation.position)) in expectations:
            raise SppnetError(f"{path}: entry {number}: the cell is listed twice; leave one out")
        expectations[key] = expectation
    return list(expectations.values())


def write_expected(path: Path, expectations: Sequence[Expectation]) -> None:
    """Write expected results, one line per cell."""
    with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([Expectation._fields, *expectations])


def deviations(name: str, table: Table, expectations: Sequence[Expectation]) -> list[Deviation]:
    """The cells of a table that do not show what is expected, or not what their metadata say.

    Args:
        name: of the table.
        table: as it was written.
        expectations: of its cells; cells with a number that are not listed deviate, too.

    Raises:
        SppnetError: the table lacks a cell that is listed.
    """
    listed = {expectation.position: expectation for expectation in expectations}
    for position in listed:
        if position not in table:
            raise SppnetError(
                f"{name}: has no cell {position.row!r}, {position.column!r}, which is expected; "
                f"take the tables of the same configuration, or {REWRITE}"
            )
    return [
        Deviation(name, *position, *(expectation or (NOTHING,) * 5)[3:], _found(cell))
        for position, cell in table.items()
        if not _is_as_expected(name, position, cell, expectation := listed.get(position))
    ]


def _is_as_expected(
    name: str, position: Position, cell: WrittenCell, expectation: Expectation | None
) -> bool:
    if not cell.is_shown:
        return False
    if expectation is None:
        return not _is_result(name, position, cell)
    return expectation.is_met(cell)


def _is_result(name: str, position: Position, cell: WrittenCell) -> bool:
    """Whether a cell must be listed; of a claim, the effect."""
    return cell.text != NOTHING and (name != CLAIMS or position.column == EFFECT)


def _found(cell: WrittenCell) -> str:
    text = cell.text or NOTHING
    if cell.is_shown:
        return text if cell.value is None else f"{cell.value:.6g}"
    if cell.metadata is None:
        return f"{text} (not in its JSON metadata)"
    said = cell.metadata.get("text", cell.metadata.get("value"))
    return f"{text} (JSON metadata: {said})"


def expectations_from(name: str, table: Table) -> Iterator[Expectation]:
    """What a table of another run should show, if this run is right.

    Args:
        name: of the table.
        table: as it was written.

    Raises:
        SppnetError: a cell does not show what its metadata say.
    """
    for position, cell in table.items():
        if not cell.is_shown:
            raise SppnetError(
                f"{name}: {position.row!r}, {position.column!r} shows {_found(cell)}; build the "
                "table again with snakemake"
            )
        if not _is_result(name, position, cell):
            continue
        tolerance = _tolerance(cell)
        number = cell.text if tolerance == EXACTLY else f"{cell.value:.6g}"
        effect = Expectation(name, *position, number, tolerance)
        yield effect
        if name == CLAIMS:
            shown = table[Position(position.row, VERDICT)].text
            if _must_hold(shown, effect):
                yield Expectation(name, position.row, VERDICT, shown, EXACTLY)


def _tolerance(cell: WrittenCell) -> str:
    """Of a percentage or a difference, from its interval; of times and texts, by their kind."""
    if cell.value is None or cell.metadata is None:
        return EXACTLY
    fields = cell.metadata
    if fields["unit"] == "x":
        return f"{FACTOR}{SPEEDUP_FACTOR}"
    if fields["unit"] == "s" or fields.get("low") is None or fields.get("high") is None:
        return ANY
    half_interval = max(cell.value - fields["low"], fields["high"] - cell.value)
    tolerance = max(HALF_INTERVALS * half_interval, NEVER_SEEN / fields["n"])
    return f"{math.ceil(10 * tolerance) / 10:g}"


def _must_hold(shown: str, effect: Expectation) -> bool:
    """Whether a verdict is the same wherever in its tolerance the effect lies."""
    limits = effect.limits()
    if effect.tolerance == ANY or limits is None or shown in (UNDECIDED, BLIND):
        return False
    return verdict(find_claim(effect.row), *map(float, limits)) == shown
