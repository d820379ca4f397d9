import numpy as np
import pytest

from sppnet.statistics.power import sample_size, smallest_effect


def test_the_smallest_effect_is_found_in_four_of_five_runs():
    error = 0.7
    effects = np.random.default_rng(1).normal(smallest_effect(error), error, 100_000)
    assert np.mean(np.abs(effects) > 1.96 * error) == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize("variance", [4.0, 900.0])
def test_samples_of_two_sources_see_the_effect_together(variance):
    images, networks = sample_size(variance, 0.5), sample_size(9.0, 0.5)
    assert smallest_effect((variance / images + 9.0 / networks) ** 0.5) <= 0.5
    fewer = (variance / (0.9 * images) + 9.0 / (0.9 * networks)) ** 0.5
    assert smallest_effect(fewer) > 0.5


def test_one_image_and_one_network_are_the_least():
    assert sample_size(0.0, 1.0) == 1
