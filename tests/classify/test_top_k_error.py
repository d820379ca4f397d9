"""Errors of a classifier, counted by hand."""

import pytest
import torch

from sppnet.classify.top_k_error import top_error

SCORES = torch.tensor(
    [
        [0.6, 0.3, 0.1],  # right
        [0.6, 0.3, 0.1],  # second best
        [0.2, 0.3, 0.5],  # worst
        [0.1, 0.2, 0.7],  # right
        [0.3, 0.2, 0.5],  # second best
    ]
)
LABELS = torch.tensor([0, 1, 0, 2, 0])


@pytest.mark.parametrize(("top", "wrong"), [(1, 3), (2, 1), (3, 0), (5, 0)])
def test_errors_by_hand(top, wrong):
    found = top_error(SCORES, LABELS, top)
    assert found["error"] == wrong / 5
    assert found["low"] <= found["error"] <= found["high"]


def test_the_interval_is_wilsons():
    """1 of 5, by its formula (Wilson 1927)."""
    found, z = top_error(SCORES, LABELS, 2), 1.959964
    centre, whole = (1 + z**2 / 2) / (5 + z**2), 5 + z**2
    half = z * (5 * 0.2 * 0.8 + z**2 / 4) ** 0.5 / whole
    assert found["low"] == pytest.approx(centre - half, abs=1e-6)
    assert found["high"] == pytest.approx(centre + half, abs=1e-6)
