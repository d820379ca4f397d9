"""What several stages compute of curves and of bootstrap samples."""

import numpy as np
from scipy.stats import t

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

    Source: VOC07 devkit VOCevaldet.m; VOC07 devkit VOCevalcls.m.
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


def or_null(values: np.ndarray) -> list[float | None]:
    """Values (B,) for a file: None in the place of NaN, which stands for unmeasurable."""
    return [None if np.isnan(value) else float(value) for value in values]


def basic_interval(value: float, samples: np.ndarray) -> tuple[float, float]:
    """95 % basic (pivotal) interval of a share, within 0..1: as far below it as samples are above.

    Average precision is best in samples, whose copies of an image rank side by side, and, less so,
    on few images. Percentiles would add the two biases; this takes one from the other.

    Args:
        value: 0..1, on the images themselves.
        samples: float (B,) bootstrap samples; those that are NaN do not count.

    Returns:
        2 value - high and 2 value - low of `percentile_interval`, cut off at 0 and 1.

    Source: Davison 1997.
    """
    low, high = percentile_interval(samples)
    return min(max(2 * value - high, 0.0), 1.0), min(max(2 * value - low, 0.0), 1.0)


def halves_interval(value: float, differences: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean, from halves of the data that repeat the whole experiment.

    Args:
        value: measured on all data.
        differences: float (B,), half of what one half of the data shows beyond the other. For a
            mean over independent data its variance is that of `value`, and its mean is 0.

    Returns:
        value -+ the quantile of Student's t with B degrees of freedom, times the root mean square.

    Source: Nadeau 2003. Differs: the variance of its conservative Z, that of one half, is halved
        here, because the whole has twice the data.
    """
    spread = float(t.ppf(0.975, len(differences)) * np.sqrt(np.mean(np.square(differences))))
    return value - spread, value + spread
