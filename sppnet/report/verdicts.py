"""The rule by which measured effects decide the paper's claims, and the table of verdicts.

The rule is explained in `docs/claims.md`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sppnet.errors import SppnetError
from sppnet.report.claims import Claim
from sppnet.report.comparisons import Measured
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.reference import PaperValue, read_reference

REPRODUCED, CONTRADICTED, UNDECIDED = "reproduced", "contradicted", "undecided at this n"
COLUMNS = (
    "claim",
    "text",
    "measured on",
    "paper",
    "paper_origin",
    "ours",
    "unit",
    "n",
    "seeds",
    "low",
    "high",
    "p",
    "verdict",
)


@dataclass(frozen=True)
class PaperEffect:
    """The paper's effect: its value, the arithmetic behind it, and where the numbers were read."""

    value: float
    arithmetic: str
    origin: str


def paper_effect(claim: Claim, reference: Path) -> PaperEffect | None:
    """The effect that the paper's own numbers show; None where it gives none.

    Raises:
        SppnetError: the file of the paper's numbers lacks one.
    """
    if claim.paper is None:
        return None
    ours, other = (_paper_value(key, reference) for key in claim.paper)
    first, second = (ours, other) if claim.kind in ("map", "accuracy") else (other, ours)
    return PaperEffect(
        round(claim.effect(ours.value, other.value), 4),
        f"{first.value:g} {'/' if claim.is_ratio else '-'} {second.value:g}",
        " and ".join(dict.fromkeys((first.origin, second.origin))),
    )


def _paper_value(number: PaperNumber, path: Path) -> PaperValue:
    value = read_reference(path, number.table).get(number)
    if value is None:
        raise SppnetError(
            f"{path}: no {number.row!r}, {number.column!r} in {number.table}; restore it"
        )
    return value


def verdict(claim: Claim, low: float | None, high: float | None) -> str:
    """Whether a 95 % interval of the effect decides the claim; see `docs/claims.md`."""
    if low is None or high is None:
        return UNDECIDED
    if claim.margin is not None:
        if -claim.margin <= low and high <= claim.margin:
            return REPRODUCED
        return CONTRADICTED if low > claim.margin or high < -claim.margin else UNDECIDED
    if low > claim.bound:
        return REPRODUCED
    return CONTRADICTED if high < claim.bound else UNDECIDED


def claim_row(
    claim: Claim, where: str, found: Measured, paper: PaperEffect | None
) -> dict[str, Any]:
    """A line of the table of claims, with what its JSON metadata says besides.

    Args:
        claim: the claim.
        where: what it was measured on.
        found: our effect.
        paper: the paper's effect; None where it has none of these networks.
    """
    rule = {"margin": claim.margin} if claim.margin is not None else {"bound": claim.bound}
    return {
        "claim": claim.name,
        "text": claim.text,
        "measured on": where,
        "paper": None if paper is None else paper.value,
        "paper_origin": None if paper is None else paper.origin,
        "ours": found.effect,
        "unit": "x" if claim.is_ratio else "points",
        "n": found.n,
        "seeds": found.seeds,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "verdict": verdict(claim, found.low, found.high),
        "kind": claim.kind,
        "rule": rule,
        "values": {"ours": found.ours, "reference": found.reference},
        **({} if found.networks is None else {"networks": found.networks}),
        "paper_arithmetic": None if paper is None else paper.arithmetic,
    }


def layout(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The table as text: a line of headings, then a line per claim."""
    return [list(COLUMNS), *([_text(name, row[name]) for name in COLUMNS] for row in rows)]


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "p":
        return f"{value:.2g}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
