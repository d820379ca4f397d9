import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sppnet.geometry.statistics import basic_interval, halves_interval, percentile_interval
from sppnet.report.statistics import (
    bootstrap_means,
    bootstrap_medians,
    mcnemar,
)


def difference(first, second, **changes):
    options = {"replicates": 2000, "seed": 1, "same_networks": True} | changes
    one, two = bootstrap_means([first, second], **options)
    return one - two


def frequencies(values):
    values, counts = np.unique(np.round(values, 9), return_counts=True)
    return dict(zip(values.tolist(), (counts / counts.sum()).tolist(), strict=True))


def all_means(table):
    """Every mean that a sample can have: all draws of N images and of S - 1 networks."""
    networks, images = table.shape
    draws = max(1, networks - 1)
    return [
        np.mean([[table[s, i] for i in of_images] for s in of_networks])
        for of_images in itertools.product(range(images), repeat=images)
        for of_networks in itertools.product(range(networks), repeat=draws)
    ]


@pytest.mark.parametrize(
    "table", [[[0, 1, 5]], [[0, 1, 5], [2, 2, 7]], [[0, 1, 5], [2, 2, 7], [0, 0, 1]]]
)
def test_samples_are_those_of_all_draws(table):
    table = np.array(table, float)
    samples = bootstrap_means([table], replicates=20_000, seed=3, same_networks=True)[0]
    found, expected = frequencies(samples), frequencies(all_means(table))
    assert set(found) <= set(expected)
    assert max(abs(found.get(value, 0) - share) for value, share in expected.items()) < 0.015


def test_both_sides_take_the_same_images():
    side = np.random.default_rng(0).random((1, 50))
    assert np.allclose(difference(side + 0.25, side), 0.25)
    # unpaired, the difference would vary by sqrt(2) times the spread of one side
    alone = bootstrap_means([side], replicates=2000, seed=1, same_networks=True)[0]
    assert alone.std() > 0.02


def test_networks_are_paired_only_when_they_are_the_same():
    """Networks that differ much, on sides that are equal: nothing is left of a paired difference.

    Unpaired it has the variance of two means of S networks: 2 s^2 / S.
    """
    side = np.repeat([[0.0], [0.3], [0.6]], 40, axis=1)
    assert not difference(side, side).any()
    apart = difference(side, side, same_networks=False, replicates=20_000)
    assert apart.var() == pytest.approx(2 * np.var([0, 0.3, 0.6], ddof=1) / 3, rel=0.04)


def test_one_network_has_the_interval_of_a_share():
    wrong = np.random.default_rng(0).random((1, 2000)) < 0.3
    means = bootstrap_means([wrong], replicates=4000, seed=1, same_networks=True)[0]
    share = wrong.mean()
    half = 1.96 * np.sqrt(share * (1 - share) / 2000)
    assert percentile_interval(means) == pytest.approx((share - half, share + half), abs=0.0015)


def test_the_same_seed_draws_the_same_images_whatever_is_drawn():
    a, b = np.random.default_rng(0).random((1, 20)), np.ones((3, 20))
    options = {"replicates": 150, "seed": 4, "same_networks": False}
    assert np.array_equal(bootstrap_means([a], **options)[0], bootstrap_means([a, b], **options)[0])
    assert not np.array_equal(
        bootstrap_means([a], **options)[0], bootstrap_means([a], **(options | {"seed": 5}))[0]
    )


TABLES = arrays(np.float64, (2, 2, 6), elements=st.integers(0, 1).map(float))


@settings(max_examples=30)
@given(TABLES)
def test_swapping_the_sides_turns_the_interval_round(tables):
    low, high = percentile_interval(difference(*tables, replicates=200))
    other = percentile_interval(difference(*tables[::-1], replicates=200))
    assert other == pytest.approx((-high, -low))
    assert low <= high


@settings(max_examples=30)
@given(TABLES, st.permutations(range(2)))
def test_samples_stay_within_the_outcomes(tables, order):
    means = bootstrap_means(
        [tables[0], tables[1][list(order)]], replicates=100, seed=0, same_networks=False
    )
    for mean, table in zip(means, tables, strict=True):
        assert ((mean >= table.min() - 1e-12) & (mean <= table.max() + 1e-12)).all()


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


def test_medians_take_the_same_items_on_both_sides():
    side = np.random.default_rng(0).random(31)
    one, two = bootstrap_medians([side, 3 * side], replicates=200, seed=1)
    assert np.allclose(two / one, 3)
    assert one.min() < np.median(side) < one.max()


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 2 / 32),
        (1, 5, 2 * (1 + 6) / 64),
        (5, 1, 2 * (1 + 6) / 64),
        (2, 2, 1.0),
        (1, 9, 2 * (1 + 10) / 1024),
    ],
)
def test_mcnemar_by_counting(only_first, only_second, p):
    first = np.array([True] * only_first + [False] * only_second + [True] * 3 + [False] * 4)
    second = np.array([False] * only_first + [True] * only_second + [True] * 3 + [False] * 4)
    assert mcnemar(first, second) == pytest.approx(p)


def test_halves_show_the_interval_of_a_mean():
    """Of normal values: as wide as Student's own interval, and around the mean."""
    values = np.random.default_rng(4).normal(3, 2, 400)
    generator = np.random.default_rng(5)
    shuffled = [generator.permutation(values).reshape(2, 200).mean(axis=1) for _ in range(2000)]
    differences = np.array([(first - second) / 2 for first, second in shuffled])
    low, high = halves_interval(values.mean(), differences)
    half = 1.96 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), rel=0.01)
    # t with one degree of freedom: 12.7062
    assert halves_interval(0.5, np.array([0.1])) == pytest.approx((0.5 - 1.27062, 0.5 + 1.27062))
