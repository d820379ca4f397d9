"""Caltech-101 classification by linear SVMs on features of a pretrained network."""

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
Split = tuple[np.ndarray, np.ndarray]  # training rows and test rows


def draw_split(
    labels: np.ndarray, *, train: int, test: int, generator: np.random.Generator
) -> Split:
    """Draw training and test images from every category.

    Args:
        labels: int `(N,)`, category of each image.
        train: number of training images per category, at most as many as it has.
        test: maximum number of test images per category, drawn from the remaining images.
        generator: source of the random choice.

    Returns:
        int64 training rows and test rows, category by category.

    Source: paper §3.3 (30 training images and up to 50 test images of each category).
    """
    shuffled = [
        generator.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)
    ]
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
    """Train and test one-against-rest SVMs on every split, at every layer.

    The predicted category is the one with the highest score.

    Args:
        records: all images, each with a label.
        features: features of the images.
        svm: C, and the seed of splits and split-halves.
        protocol: numbers of splits, split-halves and images.
        device: device of the matrix products.

    Returns:
        The results by layer, and a table with one row per layer, split and test image (layer,
        split, image, label, predicted).

    Raises:
        SppnetError: there are fewer than two categories, a category has too few images, or features
            are missing.

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
    rarest = int(counts.argmin())
    if counts[rarest] < protocol.train_per_class:
        raise SppnetError(
            f"--train-per-class {protocol.train_per_class}: category {classes[rarest]!r} has "
            f"{counts[rarest]} images; lower it"
        )
    # so that even the smaller half of that category has a test image
    if len(classes) < 2 or counts.max() < max(protocol.train_per_class + 2, 4):
        raise SppnetError(
            f"--train-per-class {protocol.train_per_class}: {len(classes)} categories, none with "
            "test images in both halves; lower it or add images"
        )


def predict(kernel: np.ndarray, labels: np.ndarray, split: Split, cost: float) -> np.ndarray:
    """Predict the category of each test image: the highest score of one-against-rest SVMs.

    Args:
        kernel: `(N, N)` inner products of the features.
        labels: int `(N,)`, category of each image.
        split: training rows and test rows; every test category has training images.
        cost: C.

    Source: paper §3.3. Differs: the paper does not say how two-class SVMs are combined for
        several categories.
    """
    categories = np.unique(labels[split[0]])
    signs = np.where(labels[:, None] == categories, POSITIVE, NEGATIVE)
    return np.asarray(categories[class_scores(kernel, signs, *split, cost=cost).argmax(axis=1)])


def category_accuracies(
    splits: Sequence[Split], predicted: Sequence[np.ndarray], labels: np.ndarray, categories: int
) -> np.ndarray:
    """Accuracy of each category in each split.

    Args:
        splits: S splits of the rows.
        predicted: predicted categories of the test images of each split.
        labels: int `(N,)`, categories from 0.
        categories: K, the number of categories.

    Returns:
        float64 `(S, K)`; NaN for categories without test images.
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
    """Half the difference of accuracy between two random halves of the images, repeatedly.

    The whole experiment is repeated on each half, with half the training images, test images and
    splits, all drawn from that half, and with separate SVMs. The difference thus contains the
    variation due to training images, test images and splits. Splits count twice, which compensates
    for the smaller effect of the training images when only half of them are used.

    Args:
        kernel: `(N, N)` inner products of the features.
        labels: int `(N,)`, categories 0 to K - 1.
        svm: C, and the seed; the same seed draws the same images for all features.
        protocol: numbers of splits, split-halves and images.

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
    measured = counts[labels] > protocol.train_per_class  # only these categories enter the value
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
    """Accuracy over all splits, per split and per category; null without test images."""
    shares = category_accuracies(splits, predicted, labels, len(classes))
    accuracies = np.nanmean(shares, axis=1)
    value = float(accuracies.mean())
    low, high = split_half_interval(value, differences)
    # The number of test images of a category is the same in every split.
    class_accuracies = or_null(np.array([column.mean() for column in shares.T]))
    return {
        "value": value,
        "deviation": float(accuracies.std(ddof=1)) if len(accuracies) > 1 else None,
        "low": max(low, 0.0),
        "high": min(high, 1.0),
        "n": len(splits[0][1]),
        "half_differences": differences.tolist(),
        "splits": accuracies.tolist(),
        "per_class": dict(zip(classes, class_accuracies, strict=True)),
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
