import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sppnet.statistics.bootstrap import bootstrap_images, bootstrap_means, bootstrap_medians
from sppnet.statistics.intervals import percentile_interval


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


def test_medians_take_the_same_items_on_both_sides():
    side = np.random.default_rng(0).random(31)
    one, two = bootstrap_medians([side, 3 * side], replicates=200, seed=1)
    assert np.allclose(two / one, 3)
    assert one.min() < np.median(side) < one.max()


def mean_of_drawn(values):
    """Statistic of weighted images: their mean, from copies of the images."""
    return lambda weights: np.array([np.repeat(values, row.astype(int)).mean() for row in weights])


def test_images_are_drawn_with_replacement():
    """All 27 draws of 3 images: the mean 7/3 of 0, 2, 5 comes up in 6 of them."""
    values = np.array([0.0, 2.0, 5.0])
    samples = bootstrap_images(mean_of_drawn(values), 3, replicates=20_000, seed=3)
    found, expected = frequencies(samples), frequencies(all_means(values[None]))
    assert max(abs(found.get(value, 0) - share) for value, share in expected.items()) < 0.015


def test_samples_follow_the_seed_and_not_the_chunks(monkeypatch):
    def samples(seed):
        statistic = mean_of_drawn(np.arange(20.0))
        return bootstrap_images(statistic, 20, replicates=250, seed=seed).tolist()

    first = samples(1)
    assert len(first) == 250 and first == samples(1) and first != samples(2)
    monkeypatch.setattr("sppnet.statistics.bootstrap.SAMPLES_AT_ONCE", 7)
    assert first == samples(1)
