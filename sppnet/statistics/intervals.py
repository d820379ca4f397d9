"""95 % intervals of what was measured on images, or on samples of them."""

import numpy as np
from scipy.stats import binomtest


def percentile_interval(samples: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of bootstrap samples (B,); samples that are NaN do not count."""
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return float(low), float(high)


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


def wilson_interval(count: int, n: int) -> tuple[float, float]:
    """95 % interval, by Wilson, of a share of which `count` of `n` independent cases are seen."""
    interval = binomtest(count, n).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high
