"""95 % intervals, from bootstrap samples and of proportions."""

import numpy as np
from scipy.stats import binomtest


def percentile_interval(samples: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of bootstrap samples (B,); NaN samples are ignored."""
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return float(low), float(high)


def basic_interval(value: float, samples: np.ndarray) -> tuple[float, float]:
    """95 % basic (pivotal) bootstrap interval of a share, within 0..1.

    Average precision is too high on few images, and higher still in bootstrap samples, where copies
    of an image rank side by side. Percentiles add the two biases; this interval subtracts them.

    Args:
        value: 0..1, measured on the images themselves.
        samples: float (B,) bootstrap samples; NaN samples are ignored.

    Returns:
        2 value - high and 2 value - low of `percentile_interval`, cut off at 0 and 1.

    Source: Davison 1997.
    """
    low, high = percentile_interval(samples)
    return min(max(2 * value - high, 0.0), 1.0), min(max(2 * value - low, 0.0), 1.0)


def wilson_interval(count: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share, observed in `count` of `n` independent cases."""
    interval = binomtest(count, n).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high
