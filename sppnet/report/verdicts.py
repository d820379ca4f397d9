"""The rule by which measured effects decide the claims of the paper, and the table of verdicts.

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
    """The effect in the paper's own numbers; None where the paper gives none.

    Raises:
        SppnetError: the file of paper numbers lacks one of them.
    """
    if claim.paper is None:
        return None
    our_value, reference_value = (_paper_value(key, reference) for key in claim.paper)
    first, second = (
        (our_value, reference_value)
        if claim.kind in ("map", "accuracy")
        else (reference_value, our_value)
    )
    return PaperEffect(
        round(claim.effect(our_value.value, reference_value.value), 4),
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
    claim: Claim, where: str, measured: Measured, paper: PaperEffect | None
) -> dict[str, Any]:
    """A line of the table of claims, with the additional fields of its JSON metadata.

    Args:
        claim: the claim.
        where: what it was measured on.
        measured: our effect.
        paper: the paper's effect; None where the paper gives none for these networks.
    """
    rule = {"margin": claim.margin} if claim.margin is not None else {"bound": claim.bound}
    return {
        "claim": claim.name,
        "text": claim.text,
        "measured on": where,
        "paper": None if paper is None else paper.value,
        "paper_origin": None if paper is None else paper.origin,
        "ours": measured.effect,
        "unit": "x" if claim.is_ratio else "points",
        "n": measured.n,
        "seeds": measured.seeds,
        "low": measured.low,
        "high": measured.high,
        "p": measured.p,
        "verdict": verdict(claim, measured.low, measured.high),
        "kind": claim.kind,
        "rule": rule,
        "values": {"ours": measured.ours, "reference": measured.reference},
        **({} if measured.networks is None else {"networks": measured.networks}),
        "paper_arithmetic": None if paper is None else paper.arithmetic,
    }


def layout(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The table as text: a line of headings, then one line per claim."""
    return [list(COLUMNS), *([_text(name, row[name]) for name in COLUMNS] for row in rows)]


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "p":
        return f"{value:.2g}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
