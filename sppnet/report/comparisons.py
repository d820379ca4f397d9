"""The effect behind a claim, measured from the files of its two sides."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sppnet.data.store import read_json, read_value, value_in
from sppnet.errors import SppnetError
from sppnet.models.score_files import read_scores
from sppnet.report.claims import Claim
from sppnet.report.requests import Side
from sppnet.report.scores import network_errors, read_wrong
from sppnet.statistics.between_networks import difference_interval, mean_interval
from sppnet.statistics.bootstrap import bootstrap_means, bootstrap_medians
from sppnet.statistics.intervals import percentile_interval
from sppnet.statistics.paired import mcnemar
from sppnet.statistics.settings import Bootstrap
from sppnet.statistics.split_half import split_half_interval

# With so few classes, five guesses are often right by chance: top-1 is compared instead.
FEW_CLASSES = 20


@dataclass(frozen=True)
class Measured:
    """The measured effect behind a claim.

    Attributes:
        metric: what is compared.
        effect: points or a ratio; positive (above 1 for ratios) if ours is better.
        ours, reference: the two values behind it: %, or milliseconds.
        n: test images, or blocks of training.
        images: of the data set: test images, in Caltech-101 all; of times those that are timed.
        seeds: networks of ours.
        low, high: 95 % interval of the effect; None where n is 1.
        standard_error: of the effect, of ratios that of the natural logarithm; None where n is 1.
        image_variance, network_variance: contribution of a single image and of a single network to
            the square of the standard error; None where it is not known.
        over_networks: errors: 95 % interval over networks on these images; None for one network.
        mcnemar: p of the exact McNemar test; None where it does not apply.
        networks: errors: the error of each network of "ours" and of "reference" (see
            `network_errors`); the two values are their means.
    """

    metric: str
    effect: float
    ours: float
    reference: float
    n: int
    images: int
    seeds: int
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    image_variance: float | None = None
    network_variance: float | None = None
    over_networks: tuple[float, float] | None = None
    mcnemar: float | None = None
    networks: dict[str, list[dict[str, Any]]] | None = None


def measure(claim: Claim, ours: Side, reference: Side, samples: Bootstrap) -> Measured:
    """Measure the effect of a claim.

    Args:
        claim: the claim, which determines what is compared and how.
        ours: the side that the claim says is better.
        reference: the other side.
        samples: bootstrap samples behind the interval, if they are drawn here.

    Raises:
        SppnetError: a file cannot be used, or the two sides have different images.
    """
    if claim.kind == "errors":
        return _errors(claim, ours, reference, samples)
    if claim.kind in ("map", "accuracy"):
        return _stored_difference(claim, ours, reference)
    return _times(claim, ours, reference, samples)


def _errors(claim: Claim, ours: Side, reference: Side, bootstrap: Bootstrap) -> Measured:
    top = _top(claim, ours.files[0])
    wrong, images = read_wrong(ours.files, top)
    reference_wrong, reference_images = read_wrong(reference.files, top)
    if images != reference_images:
        raise SppnetError(
            f"{reference.files[0]}: other images than {ours.files[0]}; classify the same set"
        )
    if claim.same_networks and len(wrong) != len(reference_wrong):
        raise SppnetError(f"{ours.files[0]}: give as many files for both sides of {claim.name}")
    samples = bootstrap_means(
        [wrong, reference_wrong],
        replicates=bootstrap.bootstrap,
        seed=bootstrap.seed,
        same_networks=claim.same_networks,
    )
    values = (100 * float(wrong.mean()), 100 * float(reference_wrong.mean()))
    differences = claim.effect(100 * samples[0], 100 * samples[1])
    measured = _summary(claim, f"top-{top} error", values, differences, len(images), len(wrong))
    if len(images) > 1:
        between = reference_wrong.mean(axis=0) - wrong.mean(axis=0)
        measured = replace(measured, image_variance=100**2 * float(between.var(ddof=1)))
    errors, reference_errors = (100 * side.mean(axis=1) for side in (wrong, reference_wrong))
    return replace(
        measured,
        network_variance=_network_variance(claim, errors, reference_errors),
        over_networks=_over_networks(claim, errors, reference_errors),
        mcnemar=_mcnemar(wrong, reference_wrong),
        networks={
            "ours": network_errors(ours.files, wrong),
            "reference": network_errors(reference.files, reference_wrong),
        },
    )


def _top(claim: Claim, scores: Path) -> int:
    """How many best scores may hold the label: as in the paper, if there are enough classes."""
    if claim.top > 1 and len(read_scores(scores).description["classes"]) <= FEW_CLASSES:
        return 1
    return claim.top


def _network_variance(
    claim: Claim, errors: np.ndarray, reference_errors: np.ndarray
) -> float | None:
    """Variance of the difference of two networks' errors; None where there is one on a side."""
    if min(len(errors), len(reference_errors)) < 2:
        return None
    if claim.same_networks:
        return float((reference_errors - errors).var(ddof=1))
    return float(errors.var(ddof=1) + reference_errors.var(ddof=1))


def _over_networks(
    claim: Claim, errors: np.ndarray, reference_errors: np.ndarray
) -> tuple[float, float] | None:
    if claim.same_networks:
        return mean_interval(reference_errors - errors)
    return difference_interval(reference_errors, errors)


def _mcnemar(wrong: np.ndarray, reference_wrong: np.ndarray) -> float | None:
    """The largest p of the pairs of networks; None where they are not pairs."""
    if len(wrong) != len(reference_wrong):
        return None
    return max(mcnemar(one, two) for one, two in zip(wrong, reference_wrong, strict=True))


@dataclass(frozen=True, eq=False)
class _Stored:
    """A measured value (0..1), and the samples stored for the interval of a difference.

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
    """Measure a difference from the stored samples of both sides, which drew the same images."""
    first, second = (
        _read_stored(claim, side, row)
        for side, row in zip((ours, reference), claim.rows, strict=True)
    )
    if first.images != second.images:
        raise SppnetError(
            f"{second.path}: other images than {first.path}; measure both on the same ones"
        )
    if (first.key, len(first.samples)) != (
        second.key,
        len(second.samples),
    ):
        raise SppnetError(
            f"{second.path}: not as many {first.key} as {first.path}; "
            "measure both with the same number and seed"
        )
    values = (100 * first.value, 100 * second.value)
    differences = 100 * (first.samples - second.samples)
    metric = "accuracy" if claim.paper and claim.paper[0].table == 7 else "mAP"
    if first.key == "half_differences":
        interval = partial(split_half_interval, values[0] - values[1])
        measured = _summary(claim, metric, values, differences, first.n, 1, interval=interval)
        # The expectation of such differences is 0, whatever their mean is.
        error = float(np.sqrt(np.mean(np.square(differences))))
        return _with_error(replace(measured, images=len(first.images)), error)
    # Average precision is as much better in samples of one side as of the other: percentiles hold.
    return _summary(claim, metric, values, differences, first.n, 1)


def _read_stored(claim: Claim, side: Side, row: str) -> _Stored:
    if len(side.files) != 1:
        raise SppnetError(f"{side.files[0]}: {claim.name} takes one file on each side; leave one")
    path = side.files[0]
    group, name = ("rows", "map") if claim.kind == "map" else ("layers", "value")
    report = read_json(path)
    entry = value_in(report, path, group, row)
    images = list(value_in(report, path, "image_names"))
    key = "half_differences" if "half_differences" in entry else "replicates"
    return _Stored(
        path,
        value_in(report, path, group, row, name),
        key,
        np.asarray(value_in(report, path, group, row, key), np.float64),
        images,
        entry.get("n", len(images)),
    )


def _times(claim: Claim, ours: Side, reference: Side, bootstrap: Bootstrap) -> Measured:
    """Measure a ratio of paired times: medians over images, means over blocks of training."""
    if len({*ours.files, *reference.files}) != 1:
        raise SppnetError(
            f"{reference.files[0]}: {claim.name} compares times from one file; give it for both"
        )
    sides = [_milliseconds(side) for side in (ours, reference)]
    if len({len(side) for side in sides}) != 1:
        raise SppnetError(
            f"{ours.files[0]}: {ours.part} and {reference.part} were not timed equally often; "
            "run its stage again"
        )
    if claim.kind == "image time":
        values = [float(np.median(side)) for side in sides]
        samples = bootstrap_medians(sides, replicates=bootstrap.bootstrap, seed=bootstrap.seed)
    else:
        values = [float(np.mean(side)) for side in sides]
        tables = [side[None] for side in sides]
        samples = bootstrap_means(
            tables, replicates=bootstrap.bootstrap, seed=bootstrap.seed, same_networks=True
        )
    ratios = claim.effect(samples[0], samples[1])
    return _summary(claim, "time", (values[0], values[1]), ratios, len(sides[0]), 1)


def _milliseconds(side: Side) -> np.ndarray:
    """Milliseconds per image (N,) of each image or block."""
    seconds = read_value(side.files[0], "columns", side.part, "total", "each")
    return 1000 * np.asarray(seconds, np.float64)


def _summary(
    claim: Claim,
    metric: str,
    values: tuple[float, float],
    samples: np.ndarray,
    n: int,
    seeds: int,
    *,
    interval: Callable[[np.ndarray], tuple[float, float]] = percentile_interval,
) -> Measured:
    """The effect, rounded so that no rounding error puts the end of an interval beyond a margin."""
    effect, ours, reference = (round(float(value), 6) for value in (claim.effect(*values), *values))
    measured = Measured(metric, effect, ours, reference, n, images=n, seeds=seeds)
    if n == 1:
        return measured
    low, high = (round(end, 6) for end in interval(samples))
    error = float(np.nanstd(np.log(samples) if claim.is_ratio else samples, ddof=1))
    return _with_error(replace(measured, low=low, high=high), error)


def _with_error(measured: Measured, standard_error: float) -> Measured:
    """With a standard error that is taken to come from the images alone."""
    return replace(
        measured,
        standard_error=round(standard_error, 6),
        image_variance=measured.n * standard_error**2,
    )
