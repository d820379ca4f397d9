import numpy as np
import pytest

from sppnet.statistics.split_half import draw_split_halves, split_half_interval


def test_halves_share_every_category_and_chance_has_the_odd_one():
    labels = np.repeat([0, 1, 2], [9, 14, 1])
    sizes = set()
    for seed in range(20):
        first, second = draw_split_halves(labels, np.random.default_rng(seed))
        assert sorted([*first, *second]) == list(range(24))
        counts = np.bincount(labels[first], minlength=3)
        assert counts[0] in (4, 5) and counts[1] == 7
        sizes.add((counts[0], counts[2]))
    assert len(sizes) == 4


def test_halves_show_the_interval_of_a_mean():
    """Of normal values: as wide as Student's own interval, and around the mean."""
    values = np.random.default_rng(4).normal(3, 2, 400)
    generator = np.random.default_rng(5)
    shuffled = [generator.permutation(values).reshape(2, 200).mean(axis=1) for _ in range(2000)]
    differences = np.array([(first - second) / 2 for first, second in shuffled])
    low, high = split_half_interval(values.mean(), differences)
    half = 1.96 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), rel=0.01)
    # t with one degree of freedom: 12.7062
    assert split_half_interval(0.5, np.array([0.1])) == pytest.approx(
        (0.5 - 1.27062, 0.5 + 1.27062)
    )
