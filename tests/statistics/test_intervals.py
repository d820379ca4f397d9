import numpy as np
import pytest

from sppnet.statistics.intervals import basic_interval, percentile_interval, wilson_interval


def test_samples_that_are_not_numbers_do_not_count():
    assert percentile_interval(np.array([np.nan, 1, 1, np.nan])) == (1, 1)
    assert percentile_interval(np.arange(101.0)) == (2.5, 97.5)


def test_a_basic_interval_is_as_far_below_as_samples_are_above():
    # the middle 95 % of 0, 0.01 ... 1 are 0.025 to 0.975, of halves of them 0.0125 to 0.4875
    halves = np.append(np.arange(101) / 200, np.nan)
    assert basic_interval(0.3, halves) == pytest.approx((0.1125, 0.5875))
    assert basic_interval(0.1, halves) == pytest.approx((0, 0.1875))  # not -0.2875
    assert basic_interval(0.9, halves + 0.45) == pytest.approx((0.8625, 1))  # not 1.3375
    # symmetric samples leave nothing to choose
    assert basic_interval(0.25, halves) == pytest.approx(percentile_interval(halves))


@pytest.mark.parametrize(("count", "n"), [(0, 10), (3, 10), (10, 10), (1, 1)])
def test_wilsons_interval_by_its_formula(count, n):
    share, z = count / n, 1.959963984540054
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert wilson_interval(count, n) == pytest.approx((middle - half, middle + half), abs=1e-12)
