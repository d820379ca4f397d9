"""Intervals over networks: what other seeds would give on the same images."""

import numpy as np
from scipy.stats import t


def mean_interval(values: np.ndarray) -> tuple[float, float] | None:
    """95 % interval of the mean of values (S,) of networks; None for a single network.

    Source: Student 1908.
    """
    if len(values) < 2:
        return None
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    return _around(float(values.mean()), error, len(values) - 1)


def difference_interval(ours: np.ndarray, reference: np.ndarray) -> tuple[float, float] | None:
    """95 % interval of the difference of two means, ours (S,) - reference (R,), unpaired.

    None if one side has a single network.

    Source: Welch 1947.
    """
    if min(len(ours), len(reference)) < 2:
        return None
    parts = np.array([side.var(ddof=1) / len(side) for side in (ours, reference)])
    difference = float(ours.mean() - reference.mean())
    if not parts.any():
        return difference, difference
    counts = np.array([len(ours), len(reference)])
    degrees = float(parts.sum() ** 2 / (parts**2 / (counts - 1)).sum())
    return _around(difference, float(np.sqrt(parts.sum())), degrees)


def _around(mean: float, standard_error: float, degrees: float) -> tuple[float, float]:
    reach = float(t.ppf(0.975, degrees)) * standard_error
    return mean - reach, mean + reach
