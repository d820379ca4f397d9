"""The classification task of PASCAL VOC: labels of images and average precision."""

from collections.abc import Sequence

import numpy as np

from sppnet.data.manifest import ImageRecord
from sppnet.statistics.precision_recall import eleven_point_average, mean_of_measurable

POSITIVE, IGNORED, NEGATIVE = 1, 0, -1


def image_labels(records: Sequence[ImageRecord], classes: Sequence[str]) -> np.ndarray:
    """Whether each image shows each class.

    `POSITIVE` with an object of the class that is not difficult, `IGNORED` with difficult ones
    only, else `NEGATIVE`.

    Returns:
        int8 `(N, K)`.

    Source: VOC07 devkit ImageSets (Main/<class>_<split>.txt).
    """
    labels = np.full((len(records), len(classes)), NEGATIVE, np.int8)
    for row, record in enumerate(records):
        for name, difficult in zip(record.class_names, record.difficult, strict=True):
            column = classes.index(name)
            labels[row, column] = max(labels[row, column], IGNORED if difficult else POSITIVE)
    return labels


def average_precisions(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision of a class under each of several weightings of the images.

    It is the mean, over recalls 0, 0.1 ... 1, of the best precision at that recall or more. Images
    are ranked by score, in their order where scores are equal; ignored ones do not count.

    A whole-number weight w gives exactly what w copies of the image would give: between the copies
    precision and recall move one way, so the best is at their end.

    Args:
        scores: `(N,)`.
        labels: int `(N,)` of `image_labels`.
        weights: `(B, N)`, not negative.

    Returns:
        float64 `(B,)`; NaN where no positive image has weight, or scores are NaN.

    Source: VOC07 devkit VOCevalcls.m.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[labels[order] != IGNORED]
    ranked = weights[:, order]
    true_positives = np.cumsum(ranked * (labels[order] == POSITIVE), axis=1)
    found = np.cumsum(ranked, axis=1)
    total = true_positives[:, -1:] if len(order) else np.zeros((len(weights), 1))
    recall = true_positives / np.where(total > 0, total, 1)
    precision = true_positives / np.where(found > 0, found, 1)
    usable = (total[:, 0] > 0) & ~np.isnan(scores).any()
    return np.where(usable, eleven_point_average(recall, precision), np.nan)


def mean_average_precisions(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the classes that can be measured, and the value of each class.

    Args:
        scores: `(N, K)`.
        labels: int `(N, K)`.
        weights: `(B, N)`.

    Returns:
        `(B,)` and `(B, K)`; NaN as in `average_precisions`.
    """
    pairs = zip(scores.T, labels.T, strict=True)
    each = np.stack([average_precisions(*pair, weights) for pair in pairs], axis=1)
    return mean_of_measurable(each, axis=1), each


def held_out_part(labels: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Choose images to validate on, with about the same share of every class.

    Classes take turns from the rarest to the most frequent; each gives the share of its images
    that no rarer class had, and what shows no class comes last.

    Args:
        labels: int `(N, K)`.
        share: of the images, 0..1.
        generator: source of the choice.

    Returns:
        bool `(N,)`.
    """
    shuffled = generator.permutation(len(labels))
    left, chosen = np.ones(len(labels), bool), np.zeros(len(labels), bool)
    shown = labels == POSITIVE
    groups = [shown[:, column] for column in np.argsort(shown.sum(0), kind="stable")]
    for group in (*groups, np.ones(len(labels), bool)):
        members = shuffled[(group & left)[shuffled]]
        chosen[members[: round(share * len(members))]] = True
        left[members] = False
    return chosen
