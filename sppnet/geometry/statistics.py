"""What several stages compute of curves and of bootstrap samples."""

import numpy as np

# MATLAB's 0:0.1:1, which counts up to the middle and down from the end: 0.3 is 3 * 0.1, a hair
# above 3/10, so a recall of 3 in 10 does not reach it; 0.6 and 0.7 are the nearest doubles.
RECALLS = np.array([i * 0.1 for i in range(6)] + [1 - i * 0.1 for i in range(4, -1, -1)])


def best_precision_beyond(precision: np.ndarray) -> np.ndarray:
    """The best precision at each place of a curve or after it, float (B, D) for (B, D)."""
    return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]


def eleven_point_average(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Mean, over recalls 0, 0.1 ... 1, of the best precision at that recall or more.

    Args:
        recall: float (B, D) of B curves, never falling along a curve.
        precision: float (B, D).

    Returns:
        float64 (B,).

    Source: VOCdevkit VOCevaldet.m and VOCevalcls.m (VOC 2007).
    """
    # a recall that is never reached has precision 0
    beyond = np.pad(best_precision_beyond(precision), ((0, 0), (0, 1)))
    rows = np.arange(len(recall))
    parts = [beyond[rows, (recall < level).sum(1)] / len(RECALLS) for level in RECALLS]
    # One after the other, as the devkit does: np.mean's order of addition depends on the shape.
    return np.asarray(sum(parts))


def percentile_interval(samples: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of bootstrap samples (B,); samples that are NaN do not count."""
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return float(low), float(high)
