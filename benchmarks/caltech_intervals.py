"""How often 95 % intervals of Caltech-101's protocol hold the true accuracy, on drawn features.

    python benchmarks/caltech_intervals.py

The truth is the accuracy that the procedure has on average: images to train on and to test on are
drawn anew. Goal: intervals from halves hold it, and true differences of two layers, in at least
92 % of the data sets.
"""

from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from typing import Annotated

import cyclopts
import numpy as np
from cyclopts import Parameter
from figures import write_figures
from scipy.stats import t

from sppnet.classify.linear_svm import normalised_kernel
from sppnet.classify.settings import CaltechSplits, TransferSvm
from sppnet.classify.transfer_caltech import (
    Split,
    category_accuracies,
    draw_split,
    predict,
    split_half_differences,
)
from sppnet.statistics.intervals import percentile_interval
from sppnet.statistics.split_half import split_half_interval

LAYERS = (1.0, 1.3, 1.0)  # own noise of each: the second is worse than the first, the third equal
PAIRS = ((0, 1), (0, 2))
SAMPLES = 400  # of the bootstrap over images
FRESH = 60  # test images of a category behind the truth
WAYS = ("classifiers kept", "corrected t", "halves")


@dataclass(frozen=True)
class World:
    """Images of K categories: a mean in 40 dimensions, and noise that some images have more of."""

    name: str
    images: int  # of a category
    train: int
    test: int
    means: np.ndarray  # (K, 40)
    noise: float  # of the layers, times LAYERS

    def draw(self, images: int, generator: np.random.Generator) -> tuple[np.ndarray, list]:
        """Categories of the images, and a kernel of the features that each layer has of them."""
        labels = np.repeat(np.arange(len(self.means)), images)
        shape = (len(labels), self.means.shape[1])
        spread = np.exp(0.4 * generator.normal(size=(len(labels), 1)))
        shown = self.means[labels] + spread * generator.normal(size=shape)
        noises = [self.noise * own * generator.normal(size=shape) for own in LAYERS]
        return labels, [normalised_kernel(list(shown + noise)) for noise in noises]


def world(name: str, categories: int, sizes: tuple[int, int, int], apart: float, noise: float):
    means = apart * np.random.default_rng(1).normal(size=(categories, 40))
    return World(name, *sizes, means, noise)


WORLDS = (
    world("8 categories of 30", 8, (30, 10, 20), 0.9, 1.0),
    world("8 categories of 30 that are hard to tell apart", 8, (30, 10, 20), 0.5, 1.0),
    world("8 categories of 60", 8, (60, 30, 50), 0.9, 1.0),
)


def true_accuracies(place: World, cost: float, number: int) -> list[float]:
    """Accuracy of every layer, trained once, on many images that nothing else has seen."""
    generator = np.random.default_rng([9, number])
    labels, kernels = place.draw(place.train + FRESH, generator)
    split = draw_split(labels, train=place.train, test=FRESH, generator=generator)
    guesses = [predict(kernel, labels, split, cost) for kernel in kernels]
    return [float((guess == labels[split[1]]).mean()) for guess in guesses]


def kept_samples(
    splits: list[Split], guesses: list[np.ndarray], labels: np.ndarray, seed: int
) -> np.ndarray:
    """Accuracy over images drawn with replacement in their categories; classifiers are kept."""
    right = np.zeros((len(splits), len(labels)))
    tested = right.copy()
    for row, (_, test), guess in zip(range(len(splits)), splits, guesses, strict=True):
        tested[row, test] = 1
        right[row, test] = guess == labels[test]
    generator, shares = np.random.default_rng(seed), []
    for category in np.unique(labels):
        rows = np.flatnonzero(labels == category)
        weights = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), SAMPLES)
        counts = weights @ tested[:, rows].T
        shares.append(weights @ right[:, rows].T / np.where(counts == 0, np.nan, counts))
    return np.nanmean(shares, axis=0).mean(axis=1)


def corrected_t(each: np.ndarray, ratio: float) -> tuple[float, float]:
    """Nadeau and Bengio 2003: the variance of splits is raised by test over training images."""
    spread = t.ppf(0.975, len(each) - 1) * np.sqrt((1 / len(each) + ratio) * each.var(ddof=1))
    return each.mean() - spread, each.mean() + spread


def intervals(
    place: World, svm: TransferSvm, protocol: CaltechSplits, number: int
) -> dict[str, list]:
    """Value and, for each way, interval: of every layer, then of every pair's difference."""
    labels, kernels = place.draw(place.images, np.random.default_rng([7, number]))
    splits = [
        draw_split(
            labels,
            train=place.train,
            test=place.test,
            generator=np.random.default_rng([number, split]),
        )
        for split in range(protocol.splits)
    ]
    each, samples, halved = [], [], []
    for kernel in kernels:
        guesses = [predict(kernel, labels, split, svm.cost) for split in splits]
        shares = category_accuracies(splits, guesses, labels, len(place.means))
        each.append(shares.mean(axis=1))
        samples.append(kept_samples(splits, guesses, labels, number))
        halved.append(split_half_differences(kernel, labels, svm=svm, protocol=protocol))
    each, samples, halved = (
        [*rows, *(rows[one] - rows[other] for one, other in PAIRS)]
        for rows in (each, samples, halved)
    )
    ratio = len(splits[0][1]) / len(splits[0][0])
    return {
        "value": [rows.mean() for rows in each],
        WAYS[0]: [percentile_interval(rows) for rows in samples],
        WAYS[1]: [corrected_t(rows, ratio) for rows in each],
        WAYS[2]: [
            split_half_interval(rows.mean(), half) for rows, half in zip(each, halved, strict=True)
        ],
    }


def rows_of(found: list[dict[str, list]], truth: np.ndarray) -> list[dict[str, float | str]]:
    """Coverage of each way, and the width of its intervals over that of a perfect one."""
    names = ["layer 1", "layer 2", "layer 3", "1 - 2, unlike", "1 - 3, alike"]
    spread = np.std([trial["value"] for trial in found], axis=0, ddof=1)
    rows = []
    for place, name in enumerate(names):
        row: dict[str, float | str] = {"of": name, "truth, %": 100 * truth[place]}
        for way in WAYS:
            low, high = np.array([trial[way][place] for trial in found]).T
            row[f"{way}: holds, %"] = 100 * np.mean((low <= truth[place]) & (truth[place] <= high))
            row[f"{way}: width"] = np.mean(high - low) / (2 * 1.96 * spread[place])
        rows.append(row)
    return rows


def main(
    trials: Annotated[int, Parameter(help="Drawn data sets of each kind.")] = 200,
    split_halves: Annotated[int, Parameter(help="Split-halves behind an interval.")] = 10,
    splits: Annotated[int, Parameter(help="Random splits of the protocol.")] = 10,
    fresh: Annotated[int, Parameter(help="Training sets behind the truth.")] = 400,
    workers: Annotated[int, Parameter(help="Processes.")] = 2,
) -> None:
    tables = {}
    with Pool(workers) as pool:
        for place in WORLDS:
            svm = TransferSvm(cost=1.0, seed=1)
            protocol = CaltechSplits(
                train_per_class=place.train,
                test_per_class=place.test,
                splits=splits,
                split_halves=split_halves,
            )
            truths = pool.map(partial(true_accuracies, place, svm.cost), range(fresh))
            truth = np.mean(truths, axis=0)
            truth = np.append(truth, [truth[one] - truth[other] for one, other in PAIRS])
            found = pool.map(partial(intervals, place, svm, protocol), range(trials), chunksize=1)
            heading = f"{place.name}, {place.train} to train on, up to {place.test} to test on"
            tables[heading] = rows_of(found, truth)
    notes = [
        f"{trials} data sets of each kind, {splits} splits in each; intervals from halves have "
        f"{split_halves} split-halves. Truth: mean of {fresh} training sets, {FRESH} fresh test "
        "images of a category. Width: mean over that of the exact normal interval, whose ends only "
        "the simulation knows. Goal: halves hold it in at least 92 %; chance alone moves a share "
        f"of {trials} trials by {100 * np.sqrt(0.05 * 0.95 / trials):.1f} points.",
    ]
    write_figures(__file__, "Intervals of Caltech-101's protocol", tables, notes)


if __name__ == "__main__":
    cyclopts.run(main)
