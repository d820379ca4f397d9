"""Average precision of precision-recall curves, and its mean over classes."""

from typing import Literal

import numpy as np

from sppnet.errors import SppnetError

Method = Literal["11-point", "area"]
# MATLAB's 0:0.1:1, which counts up to the middle and down from the end: 0.3 is 3 * 0.1, just
# above 3/10, so a recall of 3 in 10 does not reach it; 0.6 and 0.7 are the nearest doubles.
RECALLS = np.array([i * 0.1 for i in range(6)] + [1 - i * 0.1 for i in range(4, -1, -1)])


def best_precision_beyond(precision: np.ndarray) -> np.ndarray:
    """Highest precision at each position of a curve or after it, float (B, D) for (B, D)."""
    return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]


def eleven_point_average(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Mean over recalls 0, 0.1 ... 1 of the highest precision at that recall or above.

    Args:
        recall: float (B, D) of B curves, non-decreasing along each.
        precision: float (B, D).

    Returns:
        float64 (B,).

    Source: VOC07 devkit VOCevaldet.m; VOC07 devkit VOCevalcls.m.
    """
    # a recall that is never reached has precision 0
    beyond = np.pad(best_precision_beyond(precision), ((0, 0), (0, 1)))
    rows = np.arange(len(recall))
    parts = [beyond[rows, (recall < level).sum(1)] / len(RECALLS) for level in RECALLS]
    # Added one by one, as in the devkit: np.mean's order of addition depends on the shape.
    return np.asarray(sum(parts))


def average_precision(recall: np.ndarray, precision: np.ndarray, method: Method) -> np.ndarray:
    """Average precision (B,) of curves (B, D) with non-decreasing recall.

    Args:
        recall, precision: float (B, D).
        method: "11-point" (VOC 2007) or "area" under the best precision (from VOC 2010 on).

    Raises:
        SppnetError: the method is unknown.

    Source: VOC07 devkit VOCevaldet.m; release xVOCap.m ("area").
    """
    if method not in ("11-point", "area"):
        raise SppnetError(f"method '{method}': unknown; take '11-point' or 'area'")
    if method == "area":
        steps = np.diff(recall, axis=1, prepend=0)
        return np.asarray((steps * best_precision_beyond(precision)).sum(1))
    return eleven_point_average(recall, precision)


def mean_of_measurable(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean along an axis, ignoring NaN; NaN where all values are."""
    present = ~np.isnan(values)
    counts = present.sum(axis)
    total = np.where(present, values, 0).sum(axis)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
