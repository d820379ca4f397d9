import numpy as np
import pytest
from scipy import stats

from sppnet.statistics.between_networks import difference_interval, mean_interval

OURS, REFERENCE = np.array([31.0, 35.5, 30.2, 33.3]), np.array([38.0, 29.1, 36.4])


def test_intervals_are_those_of_scipy():
    paired = stats.ttest_1samp(OURS, 0).confidence_interval()
    assert mean_interval(OURS) == pytest.approx((paired.low, paired.high))
    welch = stats.ttest_ind(OURS, REFERENCE, equal_var=False).confidence_interval()
    assert difference_interval(OURS, REFERENCE) == pytest.approx((welch.low, welch.high))


def test_one_network_has_no_interval_and_equal_ones_have_a_point():
    assert mean_interval(OURS[:1]) is difference_interval(OURS[:1], REFERENCE) is None
    assert difference_interval(OURS, REFERENCE[:1]) is None
    assert difference_interval(np.full(3, 5.0), np.full(2, 3.0)) == (2, 2)
    assert mean_interval(np.full(3, 5.0)) == (5, 5)
