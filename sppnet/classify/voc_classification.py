"""The classification task of PASCAL VOC: image labels and average precision."""

from collections.abc import Sequence

import numpy as np

from sppnet.data.manifest import ImageRecord
from sppnet.statistics.precision_recall import eleven_point_average, mean_of_measurable

POSITIVE, IGNORED, NEGATIVE = 1, 0, -1


def image_labels(records: Sequence[ImageRecord], classes: Sequence[str]) -> np.ndarray:
    """Labels of images for each class.

    `POSITIVE` if the image has an object of the class that is not difficult, `IGNORED` if it has
    only difficult ones, else `NEGATIVE`.

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
    """Average precision of a class for each of several weightings of the images.

    It is the mean, over recalls 0, 0.1 ... 1, of the highest precision at that recall or above.
    Images are ranked by score, in their given order if scores are equal; ignored images are left
    out.

    An integer weight w gives exactly the result of w copies of the image: precision and recall
    change monotonically over the copies, so the best point is at their end.

    Args:
        scores: `(N,)`.
        labels: int `(N,)` of `image_labels`.
        weights: `(B, N)`, non-negative.

    Returns:
        float64 `(B,)`; NaN where no positive image has weight, or scores are NaN.

    Source: VOC07 devkit VOCevalcls.m.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[labels[order] != IGNORED]
    ranked = weights[:, order]
    true_positives = np.cumsum(ranked * (labels[order] == POSITIVE), axis=1)
    retrieved = np.cumsum(ranked, axis=1)
    total = true_positives[:, -1:] if len(order) else np.zeros((len(weights), 1))
    recall = true_positives / np.where(total > 0, total, 1)
    precision = true_positives / np.where(retrieved > 0, retrieved, 1)
    usable = (total[:, 0] > 0) & ~np.isnan(scores).any()
    return np.where(usable, eleven_point_average(recall, precision), np.nan)


def mean_average_precisions(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean average precision over classes where it is defined, and the value of each class.

    Args:
        scores: `(N, K)`.
        labels: int `(N, K)`.
        weights: `(B, N)`.

    Returns:
        `(B,)` and `(B, K)`; NaN as in `average_precisions`.
    """
    pairs = zip(scores.T, labels.T, strict=True)
    class_values = np.stack([average_precisions(*pair, weights) for pair in pairs], axis=1)
    return mean_of_measurable(class_values, axis=1), class_values


def held_out_part(labels: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Choose validation images, with about the same share of every class.

    Classes are processed from the rarest to the most frequent. From each, the share is drawn among
    the images that no rarer class contains. Images without any class come last.

    Args:
        labels: int `(N, K)`.
        share: share of the images, 0..1.
        generator: source of the random choice.

    Returns:
        bool `(N,)`.
    """
    shuffled = generator.permutation(len(labels))
    unassigned, chosen = np.ones(len(labels), bool), np.zeros(len(labels), bool)
    positive = labels == POSITIVE
    groups = [positive[:, column] for column in np.argsort(positive.sum(0), kind="stable")]
    for group in (*groups, np.ones(len(labels), bool)):
        members = shuffled[(group & unassigned)[shuffled]]
        chosen[members[: round(share * len(members))]] = True
        unassigned[members] = False
    return chosen
