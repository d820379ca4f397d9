"""Power: the smallest effect that a run could have seen, and the sample size for another."""

import math

from scipy.stats import norm

# An effect of so many standard errors is found by a two-sided test at 5 % in 80 % of the runs.
STANDARD_ERRORS = float(norm.ppf(0.975) + norm.ppf(0.8))


def smallest_effect(standard_error: float) -> float:
    """The smallest effect that a run could have seen, in the unit of its standard error.

    Source: Cohen 1988 (power of 80 % at a significance level of 5 %).
    """
    return STANDARD_ERRORS * standard_error


def sample_size(variance: float, effect: float) -> int:
    """Draws from one of two sources of variance that suffice to see an effect.

    Each source, images and networks, may contribute half of the variance of the mean.

    Args:
        variance: of the effect, for a single image or network.
        effect: to be seen, positive.
    """
    return max(1, math.ceil(2 * variance * (STANDARD_ERRORS / effect) ** 2))
