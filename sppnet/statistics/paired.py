"""Tests of two classifiers on the same images."""

import numpy as np
from scipy.stats import binomtest


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p of McNemar's test that two classifiers err equally often.

    Args:
        first: bool (N,), true where the first errs.
        second: bool (N,), true where the second errs on the same image.

    Returns:
        p: of the binomial test with 1/2 on the images on which only one errs; 1 if there are none.
    """
    only_first = int((first & ~second).sum())
    differing = only_first + int((~first & second).sum())
    return float(binomtest(only_first, differing, 0.5).pvalue) if differing else 1.0
