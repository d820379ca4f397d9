"""The effect behind a claim, measured from the files of the two sides that it compares."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sppnet.data.store import read_json, read_value, value_in
from sppnet.errors import SppnetError
from sppnet.report.claims import Claim
from sppnet.report.requests import Side
from sppnet.report.scores import network_errors, read_wrong
from sppnet.statistics.bootstrap import bootstrap_means, bootstrap_medians
from sppnet.statistics.intervals import percentile_interval
from sppnet.statistics.paired import mcnemar
from sppnet.statistics.settings import Bootstrap
from sppnet.statistics.split_half import split_half_interval


@dataclass(frozen=True)
class Measured:
    """What a run says about a claim.

    Attributes:
        effect: positive (above 1 for ratios) where ours is better; points or a ratio.
        ours, reference: the two values behind it: %, or milliseconds.
        n: test images, or blocks of training.
        seeds: networks of ours.
        low, high: 95 % interval of the effect; None where n is 1.
        p: exact McNemar test; None where it does not apply.
        networks: errors: of "ours" and "reference", what each network errs on (see
            `network_errors`); the two values are their means.
    """

    effect: float
    ours: float
    reference: float
    n: int
    seeds: int
    low: float | None = None
    high: float | None = None
    p: float | None = None
    networks: dict[str, list[dict[str, Any]]] | None = None


def measure(claim: Claim, ours: Side, reference: Side, samples: Bootstrap) -> Measured:
    """The effect of a claim.

    Args:
        claim: says what is compared, and how.
        ours: the side that the claim says is better.
        reference: the other side.
        samples: behind the interval, where they are drawn here.

    Raises:
        SppnetError: a file cannot be used, or the two sides do not have the same images.
    """
    if claim.kind == "errors":
        return _errors(claim, ours, reference, samples)
    if claim.kind in ("map", "accuracy"):
        return _stored_difference(claim, ours, reference)
    return _times(claim, ours, reference, samples)


def _errors(claim: Claim, ours: Side, reference: Side, drawn: Bootstrap) -> Measured:
    wrong, images = read_wrong(ours.files, claim.top)
    other, other_images = read_wrong(reference.files, claim.top)
    if images != other_images:
        raise SppnetError(
            f"{reference.files[0]}: other images than {ours.files[0]}; classify the same set"
        )
    if claim.same_networks and len(wrong) != len(other):
        raise SppnetError(f"{ours.files[0]}: give as many files for both sides of {claim.name}")
    samples = bootstrap_means(
        [wrong, other],
        replicates=drawn.bootstrap,
        seed=drawn.seed,
        same_networks=claim.same_networks,
    )
    p = None
    if len(wrong) == len(other):
        p = max(mcnemar(one, two) for one, two in zip(wrong, other, strict=True))
    values = (100 * float(wrong.mean()), 100 * float(other.mean()))
    differences = claim.effect(100 * samples[0], 100 * samples[1])
    return replace(
        _summary(claim, values, differences, len(images), len(wrong), p),
        networks={
            "ours": network_errors(ours.files, wrong),
            "reference": network_errors(reference.files, other),
        },
    )


@dataclass(frozen=True, eq=False)
class _Stored:
    """A measured value (0..1), and what its stage stored for the interval of a difference.

    Attributes:
        key: "replicates" for bootstrap samples of the value, "half_differences" for half of the
            difference between two halves of the images.
        samples: float (B,).
    """

    path: Path
    value: float
    key: str
    samples: np.ndarray
    images: list[str]
    n: int


def _stored_difference(claim: Claim, ours: Side, reference: Side) -> Measured:
    """A difference whose samples are those of both sides, which drew the same images."""
    found, other = (
        _read_stored(claim, side, row)
        for side, row in zip((ours, reference), claim.rows, strict=True)
    )
    if found.images != other.images:
        raise SppnetError(
            f"{other.path}: other images than {found.path}; measure both on the same ones"
        )
    if (found.key, len(found.samples)) != (other.key, len(other.samples)):
        raise SppnetError(
            f"{other.path}: not as many {found.key} as {found.path}; "
            "measure both with the same number and seed"
        )
    values = (100 * found.value, 100 * other.value)
    differences = 100 * (found.samples - other.samples)
    if found.key == "half_differences":
        interval = partial(split_half_interval, values[0] - values[1])
        return _summary(claim, values, differences, found.n, 1, interval=interval)
    # Average precision is as much better in samples of one side as of the other: percentiles hold.
    return _summary(claim, values, differences, found.n, 1)


def _read_stored(claim: Claim, side: Side, row: str) -> _Stored:
    if len(side.files) != 1:
        raise SppnetError(f"{side.files[0]}: {claim.name} takes one file on each side; leave one")
    path = side.files[0]
    group, name = ("rows", "map") if claim.kind == "map" else ("layers", "value")
    report = read_json(path)
    found = value_in(report, path, group, row)
    images = list(value_in(report, path, "image_names"))
    key = "half_differences" if "half_differences" in found else "replicates"
    return _Stored(
        path,
        value_in(report, path, group, row, name),
        key,
        np.asarray(value_in(report, path, group, row, key), np.float64),
        images,
        found.get("n", len(images)),
    )


def _times(claim: Claim, ours: Side, reference: Side, drawn: Bootstrap) -> Measured:
    """Images count by their median, blocks of training by their mean; both are pairs."""
    if len({*ours.files, *reference.files}) != 1:
        raise SppnetError(
            f"{reference.files[0]}: {claim.name} compares times from one file; give it for both"
        )
    sides = [_milliseconds(side) for side in (ours, reference)]
    if len({len(side) for side in sides}) != 1:
        raise SppnetError(
            f"{ours.files[0]}: {ours.part} and {reference.part} were not timed equally often; "
            "run its stage anew"
        )
    if claim.kind == "image time":
        values = [float(np.median(side)) for side in sides]
        samples = bootstrap_medians(sides, replicates=drawn.bootstrap, seed=drawn.seed)
    else:
        values = [float(np.mean(side)) for side in sides]
        tables = [side[None] for side in sides]
        samples = bootstrap_means(
            tables, replicates=drawn.bootstrap, seed=drawn.seed, same_networks=True
        )
    ratios = claim.effect(samples[0], samples[1])
    return _summary(claim, (values[0], values[1]), ratios, len(sides[0]), 1)


def _milliseconds(side: Side) -> np.ndarray:
    """Milliseconds per image (N,) of each image or block."""
    each = read_value(side.files[0], "columns", side.part, "total", "each")
    return 1000 * np.asarray(each, np.float64)


def _summary(
    claim: Claim,
    values: tuple[float, float],
    samples: np.ndarray,
    n: int,
    seeds: int,
    p: float | None = None,
    *,
    interval: Callable[[np.ndarray], tuple[float, float]] = percentile_interval,
) -> Measured:
    """Rounded, so that an interval that ends at a margin is not beyond it by a rounding error."""
    ends = interval(samples) if n > 1 else (None, None)
    low, high = (None if end is None else round(end, 6) for end in ends)
    effect, ours, reference = (round(float(each), 6) for each in (claim.effect(*values), *values))
    return Measured(effect, ours, reference, n, seeds, low, high, p)
