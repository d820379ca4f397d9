"""Caltech-101 by linear SVMs on the features of a pretrained network, over random splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from sppnet.classify.image_features import ImageFeatures
from sppnet.classify.linear_svm import class_scores, normalised_kernel
from sppnet.classify.voc_classification import NEGATIVE, POSITIVE
from sppnet.data.manifest import ImageRecord, class_list
from sppnet.errors import SppnetError
from sppnet.geometry.statistics import percentile_interval
from sppnet.progress import track

MEASURE = "mean over categories of the share of test images named rightly, mean over splits"
REPLICATES_AT_ONCE = 100


@dataclass(frozen=True)
class CaltechProtocol:
    """How Caltech-101 is learnt and measured.

    Attributes:
        cost: C of the SVMs.
        train_per_class: training images of each category.
        test_per_class: most test images of each.
        splits: random splits that are averaged.
        bootstrap: samples of the images for the interval.
        seed: of the splits and of the samples.
        device: where features are multiplied.
    """

    cost: float
    train_per_class: int
    test_per_class: int
    splits: int
    bootstrap: int
    seed: int
    device: torch.device | str = "cpu"


def draw_split(
    labels: np.ndarray, *, train: int, test: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw training and test images from every category.

    Args:
        labels: int `(N,)`, category of each image.
        train: training images of each category, no more than it has.
        test: most test images of each, from those that are left.
        generator: source of the draw.

    Returns:
        int64 rows to train on and to test on, category by category.

    Source: paper §3.3 (30 training images and up to 50 test images of each category).
    """
    shuffled = [generator.permutation(np.flatnonzero(labels == each)) for each in np.unique(labels)]
    return (
        np.concatenate([rows[:train] for rows in shuffled]),
        np.concatenate([rows[train : train + test] for rows in shuffled]),
    )


def learn_caltech(
    records: Sequence[ImageRecord], features: ImageFeatures, protocol: CaltechProtocol
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train and test on every split, at every layer; the best score of one-against-rest SVMs wins.

    Args:
        records: all images, with a label each.
        features: theirs.
        protocol: numbers of the experiment.

    Returns:
        The results by layer, and the outcome for each layer, split and test image (layer, split,
        image, label, predicted).

    Raises:
        SppnetError: fewer than two categories, too few images in one, or features are missing.

    Source: paper §3.3, Table 7.
    """
    classes = class_list(records)
    labels = np.array([classes.index(str(record.label)) for record in records])
    _check(classes, labels, protocol)
    splits = [
        draw_split(
            labels,
            train=protocol.train_per_class,
            test=protocol.test_per_class,
            generator=np.random.default_rng([protocol.seed, number]),
        )
        for number in range(protocol.splits)
    ]
    images = [record.image for record in records]
    layers, tables = {}, []
    for layer in track(features.names, "layer"):
        kernel = normalised_kernel(features.vectors(layer, images), protocol.device)
        predicted = [_predict(kernel, labels, *split, cost=protocol.cost) for split in splits]
        layers[layer] = {
            "name": features.names[layer],
            **_summary(splits, predicted, labels, classes, protocol),
        }
        for number, ((_, test), guess) in enumerate(zip(splits, predicted, strict=True)):
            tables.append(_table(layer, number, images, classes, test, labels[test], guess))
    report = {
        "measure": MEASURE,
        "images": len(images),
        "image_names": images,
        "layers": layers,
    }
    return report, pd.concat(tables, ignore_index=True)


def _check(classes: Sequence[str], labels: np.ndarray, protocol: CaltechProtocol) -> None:
    counts = np.bincount(labels, minlength=len(classes))
    least = int(counts.argmin())
    if counts[least] < protocol.train_per_class:
        raise SppnetError(
            f"--train-per-class {protocol.train_per_class}: category {classes[least]!r} has "
            f"{counts[least]} images; ask for fewer"
        )
    if len(classes) < 2 or counts.max() == protocol.train_per_class:
        raise SppnetError(
            f"--train-per-class {protocol.train_per_class}: {len(classes)} categories, none with "
            "images left to test; ask for fewer or add pictures"
        )


def _predict(
    kernel: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, *, cost: float
) -> np.ndarray:
    signs = np.where(labels[:, None] == np.unique(labels), POSITIVE, NEGATIVE)
    return np.asarray(class_scores(kernel, signs, train, test, cost=cost).argmax(axis=1))


def category_accuracies(
    correct: np.ndarray, tested: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Share of a category's test images that are named rightly, in each split.

    Args:
        correct: bool `(S, N)`, in splits where the image is tested.
        tested: bool `(S, N)`.
        labels: int `(N,)`, categories 0 to K - 1.
        weights: `(B, N)` of the images, not negative.

    Returns:
        float64 `(B, S, K)`; NaN where no test image has weight.
    """
    shares = []
    for category in range(labels.max() + 1):
        rows = labels == category
        right = weights[:, rows] @ correct[:, rows].T
        every = weights[:, rows] @ tested[:, rows].T
        shares.append(np.where(every > 0, right / np.where(every > 0, every, 1), np.nan))
    return np.stack(shares, axis=2)


def bootstrap_means(
    correct: np.ndarray, tested: np.ndarray, labels: np.ndarray, *, replicates: int, seed: int
) -> np.ndarray:
    """Accuracy `(replicates,)` over images drawn with replacement inside their categories.

    An image that is drawn twice counts twice in every split that tests it. Arguments as in
    `category_accuracies`; the same seed draws the same images for any outcomes.
    """
    generator = np.random.default_rng(seed)
    means: list[np.ndarray] = []
    for start in range(0, replicates, REPLICATES_AT_ONCE):
        count = min(REPLICATES_AT_ONCE, replicates - start)
        weights = np.empty((count, len(labels)))
        for category in range(labels.max() + 1):
            rows = np.flatnonzero(labels == category)
            share = np.full(len(rows), 1 / len(rows))
            weights[:, rows] = generator.multinomial(len(rows), share, size=count)
        shares = category_accuracies(correct, tested, labels, weights)
        means.append(np.nanmean(shares, axis=2).mean(axis=1))
    return np.concatenate(means)


def _summary(
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    predicted: Sequence[np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    protocol: CaltechProtocol,
) -> dict[str, Any]:
    """Accuracy over all splits and in each; null for a category without test images."""
    tested = np.zeros((len(splits), len(labels)), bool)
    correct = tested.copy()
    for number, ((_, test), guess) in enumerate(zip(splits, predicted, strict=True)):
        tested[number, test] = True
        correct[number, test] = guess == labels[test]
    shares = category_accuracies(correct, tested, labels, np.ones((1, len(labels))))[0]
    each = np.nanmean(shares, axis=1)
    samples = bootstrap_means(
        correct, tested, labels, replicates=protocol.bootstrap, seed=protocol.seed
    )
    low, high = percentile_interval(samples)
    # Every split tests the same number of images of a category.
    known = [None if np.isnan(column[0]) else float(column.mean()) for column in shares.T]
    return {
        "value": float(each.mean()),
        "deviation": float(each.std(ddof=1)) if len(each) > 1 else None,
        "low": low,
        "high": high,
        "n": int(tested[0].sum()),
        "replicates": samples.tolist(),
        "splits": [float(value) for value in each],
        "per_class": dict(zip(classes, known, strict=True)),
    }


def _table(
    layer: str,
    split: int,
    images: Sequence[str],
    classes: Sequence[str],
    test: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
) -> pd.DataFrame:
    names = np.array(classes, object)
    return pd.DataFrame(
        {
            "layer": layer,
            "split": split,
            "image": np.array(images, object)[test],
            "label": names[labels],
            "predicted": names[predicted],
        }
    )
