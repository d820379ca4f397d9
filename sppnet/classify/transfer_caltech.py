"""Caltech-101 by linear SVMs on the features of a pretrained network, over random splits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from sppnet.classify.image_features import ImageFeatures
from sppnet.classify.linear_svm import class_scores, normalised_kernel
from sppnet.classify.settings import CaltechSplits, TransferSvm
from sppnet.classify.voc_classification import NEGATIVE, POSITIVE
from sppnet.data.manifest import ImageRecord, class_list
from sppnet.data.store import or_null
from sppnet.errors import SppnetError
from sppnet.progress import track
from sppnet.statistics.split_half import draw_split_halves, split_half_interval

MEASURE = "mean per-class accuracy, averaged over the splits"
Split = tuple[np.ndarray, np.ndarray]  # rows to train on and to test on


def draw_split(
    labels: np.ndarray, *, train: int, test: int, generator: np.random.Generator
) -> Split:
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
    records: Sequence[ImageRecord],
    features: ImageFeatures,
    *,
    svm: TransferSvm,
    protocol: CaltechSplits,
    device: torch.device,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train and test on every split, at every layer; the best score of one-against-rest SVMs wins.

    Args:
        records: all images, with a label each.
        features: theirs.
        svm: C, and the seed of splits and split-halves.
        protocol: splits and split-halves.
        device: where features are multiplied.

    Returns:
        The results by layer, and the outcome for each layer, split and test image (layer, split,
        image, label, predicted).

    Raises:
        SppnetError: fewer than two categories, too few images in one, or features are missing.

    Source: paper §3.3.
    """
    classes = class_list(records)
    labels = np.array([classes.index(str(record.label)) for record in records])
    _check(classes, labels, protocol)
    splits = [
        draw_split(
            labels,
            train=protocol.train_per_class,
            test=protocol.test_per_class,
            generator=np.random.default_rng([svm.seed, number]),
        )
        for number in range(protocol.splits)
    ]
    images = [record.image for record in records]
    layers, tables = {}, []
    for layer in track(features.names, "layer"):
        kernel = normalised_kernel(features.vectors(layer, images), device)
        predicted = [predict(kernel, labels, split, svm.cost) for split in splits]
        differences = split_half_differences(kernel, labels, svm=svm, protocol=protocol)
        layers[layer] = {
            "name": features.names[layer],
            **_summary(splits, predicted, labels, classes, differences),
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


def _check(classes: Sequence[str], labels: np.ndarray, protocol: CaltechSplits) -> None:
    counts = np.bincount(labels, minlength=len(classes))
    least = int(counts.argmin())
    if counts[least] < protocol.train_per_class:
        raise SppnetError(
            f"--train-per-class {protocol.train_per_class}: category {classes[least]!r} has "
            f"{counts[least]} images; ask for fewer"
        )
    # so that the smaller half of that category, too, has an image beyond those to train on
    if len(classes) < 2 or counts.max() < max(protocol.train_per_class + 2, 4):
        raise SppnetError(
            f"--train-per-class {protocol.train_per_class}: {len(classes)} categories, none with "
            "images left to test in either half of them; ask for fewer or add pictures"
        )


def predict(kernel: np.ndarray, labels: np.ndarray, split: Split, cost: float) -> np.ndarray:
    """Categories of the test images: those whose one-against-rest SVM has the best score.

    Args:
        kernel: `(N, N)` inner products of the features.
        labels: int `(N,)`, category of each image.
        split: of the rows; each category that it tests has training images.
        cost: C.

    Source: paper §3.3. Differs: the paper does not say how two-class SVMs decide among
        categories.
    """
    categories = np.unique(labels[split[0]])
    signs = np.where(labels[:, None] == categories, POSITIVE, NEGATIVE)
    return np.asarray(categories[class_scores(kernel, signs, *split, cost=cost).argmax(axis=1)])


def category_accuracies(
    splits: Sequence[Split], predicted: Sequence[np.ndarray], labels: np.ndarray, categories: int
) -> np.ndarray:
    """Share of a category's test images that are named rightly, in each split.

    Args:
        splits: S, of the rows.
        predicted: categories of each split's test images.
        labels: int `(N,)`, categories from 0.
        categories: K, their number.

    Returns:
        float64 `(S, K)`; NaN where no image is tested.
    """
    shares = np.full((len(splits), categories), np.nan)
    for row, (_, test), guess in zip(shares, splits, predicted, strict=True):
        tested = np.bincount(labels[test], minlength=categories)
        right = np.bincount(labels[test], guess == labels[test], minlength=categories)
        np.divide(right, tested, out=row, where=tested > 0)
    return shares


def split_half_differences(
    kernel: np.ndarray, labels: np.ndarray, *, svm: TransferSvm, protocol: CaltechSplits
) -> np.ndarray:
    """Half of the difference of accuracy between two halves of the images, time after time.

    Each half repeats all that the value comes from, with half of everything: images to train on,
    images to test on, and splits, drawn in it alone, with SVMs of their own. So the difference
    holds what training images, test images and splits contribute; splits count twice, which makes
    up for training images that matter less where only half of them teach.

    Args:
        kernel: `(N, N)` inner products of the features.
        labels: int `(N,)`, categories 0 to K - 1.
        svm: C, and the seed; the same seed draws the same images for any features.
        protocol: splits and split-halves.

    Returns:
        float64 `(split_halves,)`.
    """
    differences = []
    for number in range(protocol.split_halves):
        generator = np.random.default_rng([svm.seed, protocol.splits + number])
        first, second = (
            _half_accuracy(kernel, labels, half, svm.cost, protocol, generator)
            for half in draw_split_halves(labels, generator)
        )
        differences.append((first - second) / 2)
    return np.array(differences)


def _half_accuracy(
    kernel: np.ndarray,
    labels: np.ndarray,
    half: np.ndarray,
    cost: float,
    protocol: CaltechSplits,
    generator: np.random.Generator,
) -> float:
    counts = np.bincount(labels)
    measured = counts[labels] > protocol.train_per_class  # the value has no other categories
    splits = []
    for _ in range((protocol.splits + 1) // 2):
        train, test = draw_split(
            labels[half],
            train=max(1, protocol.train_per_class // 2),
            test=(protocol.test_per_class + 1) // 2,
            generator=generator,
        )
        splits.append((half[train], half[test][measured[half[test]]]))
    predicted = [predict(kernel, labels, split, cost) for split in splits]
    shares = category_accuracies(splits, predicted, labels, len(counts))
    return float(np.nanmean(shares, axis=1).mean())


def _summary(
    splits: Sequence[Split],
    predicted: Sequence[np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    differences: np.ndarray,
) -> dict[str, Any]:
    """Accuracy over all splits and in each; null for a category without test images."""
    shares = category_accuracies(splits, predicted, labels, len(classes))
    each = np.nanmean(shares, axis=1)
    value = float(each.mean())
    low, high = split_half_interval(value, differences)
    # Every split tests the same number of images of a category.
    known = or_null(np.array([column.mean() for column in shares.T]))
    return {
        "value": value,
        "deviation": float(each.std(ddof=1)) if len(each) > 1 else None,
        "low": max(low, 0.0),
        "high": min(high, 1.0),
        "n": len(splits[0][1]),
        "half_differences": differences.tolist(),
        "splits": each.tolist(),
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
