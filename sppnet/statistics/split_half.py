"""Split-half intervals, for results that depend on training and test images."""

import numpy as np
from scipy.stats import t


def draw_split_halves(labels: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """Split `(N,)` images at random into two halves, category by category; return their rows."""
    first = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        first[rows[generator.integers(2) :: 2]] = True
    return [np.flatnonzero(first), np.flatnonzero(~first)]


def split_half_interval(value: float, differences: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean, from repeating the experiment on random halves of the data.

    Args:
        value: measured on all data.
        differences: float (B,), half the difference between the results of the two halves. For a
            mean over independent data its variance is that of `value`, and its mean is 0.

    Returns:
        value -+ the quantile of Student's t with B degrees of freedom, times the root mean square.

    Source: Nadeau 2003. Differs: the variance of its conservative Z, that of one half, is halved
        here, because the whole has twice the data.
    """
    spread = float(t.ppf(0.975, len(differences)) * np.sqrt(np.mean(np.square(differences))))
    return value - spread, value + spread
