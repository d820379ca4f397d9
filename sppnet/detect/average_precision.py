"""Average precision of detections by the rules of PASCAL VOC."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from sppnet.detect.matching import (
    FALSE_POSITIVE,
    IGNORED,
    TRUE_POSITIVE,
    image_numbers,
    match_detections,
)
from sppnet.errors import SppnetError
from sppnet.statistics.precision_recall import Method, average_precision, mean_of_measurable


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """Average precision of one class and the curve behind it.

    Attributes:
        ap: 0..1; NaN where there is no object to find.
        recall: float64 (D,), after each detection that counts, best first.
        precision: float64 (D,).
        objects: objects that count, the difficult ones left out.
    """

    ap: float
    recall: np.ndarray
    precision: np.ndarray
    objects: int


@dataclass(frozen=True, eq=False)
class ClassCurve:
    """What decides the average precision of a class under any weights of the n images.

    Only true positives can raise the envelope of a curve, so false positives are kept as counts
    between them.

    Attributes:
        true_positives: int64 (T,) image of each, best first.
        false_positives: (T, n) their number in each image between the true positive
            before and this one.
        objects: float64 (n,) objects of each image that count.
    """

    true_positives: np.ndarray
    false_positives: sparse.csr_matrix
    objects: np.ndarray


def voc_average_precision(
    detections: pd.DataFrame,
    ground_truth: pd.DataFrame,
    iou: float = 0.5,
    method: Method = "11-point",
) -> AveragePrecision:
    """Average precision of one class.

    "11-point" is the mean, over recalls 0, 0.1 ... 1, of the best precision at that recall or
    more; "area" is the area under that best precision. `match_detections` tells what is one.

    Args:
        detections: image, score, x1, y1, x2, y2 (pixels, half-open).
        ground_truth: image, x1, y1, x2, y2, difficult.
        iou: overlap that a true positive needs.
        method: "11-point" (VOC 2007) or "area" (from VOC 2010 on).

    Raises:
        SppnetError: a column is missing, a score is not a number, or the method is unknown.

    Source: VOC07 devkit VOCevaldet.m; release xVOCap.m ("area").
    """
    outcomes, _ = match_detections(detections, ground_truth, iou=iou)
    true_positives = outcomes[outcomes != IGNORED] == TRUE_POSITIVE
    objects = int((~ground_truth["difficult"].to_numpy(bool)).sum())
    precision = np.cumsum(true_positives) / np.arange(1, len(true_positives) + 1)
    recall = np.cumsum(true_positives) / objects if objects else np.full(len(precision), np.nan)
    ap = average_precision(recall[None], precision[None], method)[0] if objects else np.nan
    return AveragePrecision(float(ap), recall, precision, objects)


def class_curve(
    detections: pd.DataFrame, ground_truth: pd.DataFrame, images: Sequence[str], *, iou: float
) -> ClassCurve:
    """Match the detections of one class and sum up the outcome per image.

    Args:
        detections: as in `voc_average_precision`.
        ground_truth: objects of the class.
        images: the n images that are evaluated, with or without objects.
        iou: overlap that a true positive needs.

    Raises:
        SppnetError: an image of the tables is not in `images`, or a table is unfit.
    """
    outcomes, order = match_detections(detections, ground_truth, iou=iou)
    index = pd.Index(images)
    position = image_numbers(detections, index)[order]
    home = image_numbers(ground_truth, index)
    if (position < 0).any() or (home < 0).any():
        raise SppnetError("class_curve: a table has an image that is not evaluated; leave it out")
    true_positives = position[outcomes == TRUE_POSITIVE]
    earlier = np.cumsum(outcomes == TRUE_POSITIVE)
    # False positives after the last true positive change nothing.
    matters = (outcomes == FALSE_POSITIVE) & (earlier < len(true_positives))
    cells = (earlier[matters], position[matters])
    false_positives = sparse.csr_matrix(
        (np.ones(len(cells[0])), cells), shape=(len(true_positives), len(index))
    )
    easy = home[~ground_truth["difficult"].to_numpy(bool)]
    objects = np.bincount(easy, minlength=len(index)).astype(np.float64)
    return ClassCurve(true_positives, false_positives, objects)


def average_precisions(curve: ClassCurve, weights: np.ndarray, *, method: Method) -> np.ndarray:
    """Average precision (B,) of a class for each row of image weights (B, n).

    A whole-number weight w gives exactly what w copies of the image would give.
    NaN where the weighted images hold no object.

    Raises:
        SppnetError: the method is unknown.
    """
    objects = weights @ curve.objects
    true_positives = np.cumsum(weights[:, curve.true_positives], axis=1)
    found = true_positives + np.cumsum((curve.false_positives @ weights.T).T, axis=1)
    recall = true_positives / np.where(objects > 0, objects, 1)[:, None]
    precision = true_positives / np.where(found > 0, found, 1)
    return np.where(objects > 0, average_precision(recall, precision, method), np.nan)


def mean_average_precision(
    curves: Sequence[ClassCurve], weights: np.ndarray, *, method: Method
) -> np.ndarray:
    """Mean (B,) over the classes that have objects under each row of weights (B, n)."""
    ap = np.array([average_precisions(curve, weights, method=method) for curve in curves])
    return mean_of_measurable(ap, axis=0)
