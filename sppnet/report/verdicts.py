"""The rules by which measured effects decide the claims of the paper, and the table of verdicts.

The rules are explained in `docs/claims.md`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import norm

from sppnet.errors import SppnetError
from sppnet.report.claims import Claim
from sppnet.report.comparisons import Measured
from sppnet.report.paper_numbers import PaperNumber, TableKey
from sppnet.report.reference import PaperValue, read_reference
from sppnet.statistics.multiple import holm
from sppnet.statistics.power import sample_size, smallest_effect

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
UNDECIDED, BLIND = "undecided at this n", "blind at this n"
NOT_MADE = "not made: the pictures are squares"
# A difference within these limits is none: percentage points, and a ratio of times.
NO_DIFFERENCE, NO_RATIO = 2.0, 1.1
INSIDE, SMALLER, LARGER = "as in the paper", "smaller", "larger"
SIGNIFICANCE = 0.05
# Images of the paper's test sets, by table; of Caltech-101 all images.
PAPER_IMAGES: Mapping[TableKey, int] = {
    **dict.fromkeys((2, 3, "ablations", "views"), 50_000),
    **dict.fromkeys((6, 9), 4952),
    7: 9144,
}
COLUMNS = (
    *("claim", "text", "measured_on", "metric", "paper", "paper_origin", "ours", "unit"),
    *("n", "seeds", "low", "high", "networks_low", "networks_high", "standard_error"),
    *("smallest_effect", "p", "verdict", "corrected_p", "corrected_verdict", "size", "needs"),
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


def no_difference(claim: Claim) -> str:
    """The verdict of an effect that lies within the limits of no difference."""
    limit = f"a factor of {NO_RATIO:g}" if claim.is_ratio else f"{NO_DIFFERENCE:g} points"
    return f"no difference beyond {limit}"


def verdict(claim: Claim, low: float | None, high: float | None, *, is_blind: bool = False) -> str:
    """Whether a 95 % interval of an effect decides the direction of a claim; see `docs/claims.md`.

    Args:
        claim: the claim.
        low, high: the interval; None where there is none.
        is_blind: the run could not have seen the effect that is sought.
    """
    if low is None or high is None:
        return UNDECIDED
    if claim.margin is not None:
        if -claim.margin <= low and high <= claim.margin:
            return REPRODUCED
        if low > claim.margin or high < -claim.margin:
            return CONTRADICTED
    elif low > claim.bound:
        return REPRODUCED
    elif high < claim.bound:
        return CONTRADICTED
    elif _is_no_difference(claim, low, high):
        return no_difference(claim)
    return BLIND if is_blind else UNDECIDED


def _is_no_difference(claim: Claim, low: float, high: float) -> bool:
    if claim.is_ratio:
        return low >= 1 / NO_RATIO and high <= NO_RATIO
    return claim.bound == 0 and low >= -NO_DIFFERENCE and high <= NO_DIFFERENCE


def _sought(claim: Claim, paper: float | None) -> float | None:
    """The effect that a run must see: the paper's distance from the bound, or the margin.

    Of ratios it is the natural logarithm, as their standard error is.
    """
    if claim.margin is not None:
        return claim.margin
    return None if paper is None else abs(_distance(claim, paper))


def _distance(claim: Claim, effect: float) -> float:
    """Distance of an effect from what decides the claim, positive where the claim holds."""
    if claim.margin is not None:
        return claim.margin - abs(effect)
    return math.log(effect / claim.bound) if claim.is_ratio else effect - claim.bound


def p_value(claim: Claim, measured: Measured) -> float | None:
    """Two-sided p of the effect against the bound or the nearer margin; None without an interval.

    The distance in standard errors is taken as normal.
    """
    if measured.standard_error is None:
        return None
    distance = abs(_distance(claim, measured.effect))
    if measured.standard_error == 0:
        return float(distance == 0)
    return float(2 * norm.sf(distance / measured.standard_error))


def size(claim: Claim, measured: Measured, paper: float | None, not_comparable: str) -> str:
    """The size of our effect beside the paper's.

    Args:
        claim: the claim.
        measured: our effect.
        paper: the paper's effect; None where it gives none.
        not_comparable: what differs from the paper's experiment; empty if nothing does.
    """
    if paper is None or claim.paper is None or measured.low is None or measured.high is None:
        return "-"
    if not not_comparable and not claim.is_ratio:
        fewer = measured.images < PAPER_IMAGES[claim.paper[0].table]
        not_comparable = "fewer images" if fewer else ""
    if not_comparable:
        return f"not comparable: {not_comparable}"
    if measured.high < paper:
        return SMALLER
    return LARGER if measured.low > paper else INSIDE


def is_blind(claim: Claim, measured: Measured, paper: float | None) -> bool:
    """Whether the effect that is sought lies below the smallest that the run could have seen."""
    sought = _sought(claim, paper)
    if sought is None or measured.standard_error is None:
        return False
    return sought < smallest_effect(measured.standard_error)


def needs(claim: Claim, measured: Measured, paper: float | None) -> str:
    """Seeds and images with which the effect that is sought could be seen; "-" if it can be."""
    sought = _sought(claim, paper)
    if not is_blind(claim, measured, paper) or not sought or measured.image_variance is None:
        return "-"
    count = sample_size(measured.image_variance, sought)
    images = f"{count} {'blocks' if claim.kind == 'epoch time' else 'images'}"
    if measured.network_variance is None:
        return images
    return f"{sample_size(measured.network_variance, sought)} seeds, {images}"


def claim_row(
    claim: Claim, where: str, measured: Measured, paper: PaperEffect | None, not_comparable: str
) -> dict[str, Any]:
    """A line of the table of claims, with the additional fields of its JSON metadata.

    Args:
        claim: the claim.
        where: what it was measured on.
        measured: our effect.
        paper: the paper's effect; None where the paper gives none.
        not_comparable: what differs from the paper's experiment; empty if nothing does.
    """
    value = None if paper is None else paper.value
    over_networks = measured.over_networks or (None, None)
    return _about(claim, where, paper) | {
        "metric": measured.metric,
        "ours": measured.effect,
        "n": measured.n,
        "seeds": measured.seeds,
        "low": measured.low,
        "high": measured.high,
        "networks_low": over_networks[0],
        "networks_high": over_networks[1],
        "standard_error": measured.standard_error,
        "smallest_effect": _smallest_effect(claim, measured),
        "p": p_value(claim, measured),
        "verdict": verdict(
            claim, measured.low, measured.high, is_blind=is_blind(claim, measured, value)
        ),
        "size": size(claim, measured, value, not_comparable),
        "needs": needs(claim, measured, value),
        "values": {"ours": measured.ours, "reference": measured.reference},
        "mcnemar": measured.mcnemar,
        **({} if measured.networks is None else {"networks": measured.networks}),
    }


def row_not_made(claim: Claim, where: str, paper: PaperEffect | None) -> dict[str, Any]:
    """The line of a claim that is not made, as the test images are squares: without an effect."""
    nothing = dict.fromkeys((*COLUMNS, "values", "mcnemar"))
    return nothing | _about(claim, where, paper) | {"verdict": NOT_MADE}


def _about(claim: Claim, where: str, paper: PaperEffect | None) -> dict[str, Any]:
    """What a line says about its claim, whatever was measured."""
    return {
        "claim": claim.name,
        "text": claim.text,
        "measured_on": where,
        "paper": None if paper is None else paper.value,
        "paper_origin": None if paper is None else paper.origin,
        "paper_arithmetic": None if paper is None else paper.arithmetic,
        "unit": "x" if claim.is_ratio else "points",
        "kind": claim.kind,
        "rule": {"bound": claim.bound} if claim.margin is None else {"margin": claim.margin},
    }


def _smallest_effect(claim: Claim, measured: Measured) -> float | None:
    """The smallest effect that the run could have seen: points, or a ratio above 1."""
    if measured.standard_error is None:
        return None
    effect = smallest_effect(measured.standard_error)
    return math.exp(effect) if claim.is_ratio else effect


def corrected(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines with p values and verdicts corrected for the number of claims."""
    tested = [row["p"] for row in rows if row["p"] is not None]
    adjusted = iter(holm(tested))
    lines = []
    for row in rows:
        p = None if row["p"] is None else next(adjusted)
        decided = row["verdict"] in (REPRODUCED, CONTRADICTED)
        lost = decided and p is not None and p >= SIGNIFICANCE
        lines.append(
            dict(row)
            | {"corrected_p": p, "corrected_verdict": UNDECIDED if lost else row["verdict"]}
        )
    return lines


def layout(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The table as text: a line of headings, then one line per claim."""
    return [
        [name.replace("_", " ") for name in COLUMNS],
        *([_text(name, row[name]) for name in COLUMNS] for row in rows),
    ]


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in ("p", "corrected_p"):
        return f"{value:.2g}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
