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
        ap: 0..1; NaN if the class has no objects.
        recall: float64 (D,), after each detection that is not ignored, by falling score.
        precision: float64 (D,).
        objects: number of objects, difficult ones excluded.
    """

    ap: float
    recall: np.ndarray
    precision: np.ndarray
    objects: int


@dataclass(frozen=True, eq=False)
class ClassCurve:
    """Match outcomes that give the average precision of a class under any weights of n images.

    Only true positives can raise the envelope of a curve, so false positives are kept as counts
    between them.

    Attributes:
        true_positives: int64 (T,) image of each true positive, by falling score.
        false_positives: (T, n) number of false positives in each image between the previous true
            positive and this one.
        objects: float64 (n,) number of objects in each image, difficult ones excluded.
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

    "11-point" is the mean, over recalls 0, 0.1 ... 1, of the highest precision at that recall or
    above; "area" is the area under the curve of that highest precision. `match_detections`
    defines true and false positives.

    Args:
        detections: image, score, x1, y1, x2, y2 (pixels, half-open).
        ground_truth: image, x1, y1, x2, y2, difficult.
        iou: minimum IoU of a true positive.
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
    """Match the detections of one class and count the outcomes in each image.

    Args:
        detections: as in `voc_average_precision`.
        ground_truth: objects of the class.
        images: the n images that are evaluated, with or without objects.
        iou: minimum IoU of a true positive.

    Raises:
        SppnetError: an image of the tables is not in `images`, or a table is invalid.
    """
    outcomes, order = match_detections(detections, ground_truth, iou=iou)
    index = pd.Index(images)
    detection_image = image_numbers(detections, index)[order]
    object_image = image_numbers(ground_truth, index)
    if (detection_image < 0).any() or (object_image < 0).any():
        raise SppnetError("class_curve: a table contains an image that is not evaluated; remove it")
    true_positives = detection_image[outcomes == TRUE_POSITIVE]
    preceding = np.cumsum(outcomes == TRUE_POSITIVE)
    # False positives after the last true positive do not affect the result.
    counted = (outcomes == FALSE_POSITIVE) & (preceding < len(true_positives))
    cells = (preceding[counted], detection_image[counted])
    false_positives = sparse.csr_matrix(
        (np.ones(len(cells[0])), cells), shape=(len(true_positives), len(index))
    )
    counted_objects = object_image[~ground_truth["difficult"].to_numpy(bool)]
    objects = np.bincount(counted_objects, minlength=len(index)).astype(np.float64)
    return ClassCurve(true_positives, false_positives, objects)


def average_precisions(curve: ClassCurve, weights: np.ndarray, *, method: Method) -> np.ndarray:
    """Average precision (B,) of a class for each row of image weights (B, n).

    An integer weight w gives exactly the result of w copies of the image.
    NaN where the weighted images have no objects.

    Raises:
        SppnetError: the method is unknown.
    """
    objects = weights @ curve.objects
    true_positives = np.cumsum(weights[:, curve.true_positives], axis=1)
    detections = true_positives + np.cumsum((curve.false_positives @ weights.T).T, axis=1)
    recall = true_positives / np.where(objects > 0, objects, 1)[:, None]
    precision = true_positives / np.where(detections > 0, detections, 1)
    return np.where(objects > 0, average_precision(recall, precision, method), np.nan)


def mean_average_precision(
    curves: Sequence[ClassCurve], weights: np.ndarray, *, method: Method
) -> np.ndarray:
    """Mean (B,) over the classes with objects, for each row of image weights (B, n)."""
    ap = np.array([average_precisions(curve, weights, method=method) for curve in curves])
    return mean_of_measurable(ap, axis=0)
