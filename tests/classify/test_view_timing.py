from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny import tiny_network

from sppnet.classify import multi_view
from sppnet.classify.multi_view import MultiViewClassifier
from sppnet.classify.settings import ViewSet
from sppnet.classify.view_timing import time_views

CPU = torch.device("cpu")
TEN = ViewSet(source="crops", scales=(72,), window=64, positions=5, mirrored=True, full=None)
MAPS = ViewSet(source="maps", scales=(72,), window=64, positions=5, mirrored=True, full=None)


@pytest.fixture
def network():
    return tiny_network().eval()


def pictures(*widths):
    return [np.zeros((72, width, 3), np.uint8) for width in widths]


@pytest.fixture
def scored(monkeypatch):
    """Who scored which image; each call takes as many seconds as `seconds` says next."""
    state = SimpleNamespace(now=0.0, log=[], seconds=iter(()))
    fake = SimpleNamespace(perf_counter=lambda: state.now)
    monkeypatch.setattr("sppnet.models.clock.time", fake)

    def scores(self, image):
        state.log.append((self, self.views.source, image.shape[1]))
        state.now += next(state.seconds)

    monkeypatch.setattr(MultiViewClassifier, "scores", scores)
    return state


def test_choices_take_turns_on_each_image_and_the_median_pass_counts(network, scored):
    scored.seconds = iter([50, 50, 1, 2, 3, 4, 10, 20, 30, 40, 2, 4, 6, 100])
    view_sets = {"ten": TEN, "same": MAPS}
    found = time_views(network, view_sets, pictures(80, 90), repeats=3, device=CPU)
    once = [("crops", 80), ("maps", 80), ("crops", 90), ("maps", 90)]
    assert [each[1:] for each in scored.log] == once[:2] + 3 * once
    assert {name: each.tolist() for name, each in found.items()} == {
        "ten": [2.0, 6.0],
        "same": [4.0, 40.0],
    }


def test_what_views_of_one_size_share_is_made_once_a_pass_by_each(network, monkeypatch):
    """As in a test on new images; else the second of two choices would find the first's."""
    made = []
    pooling = multi_view._pooling

    def counted(cells, map_size, levels, device):
        made.append(map_size)
        return pooling(cells, map_size, levels, device)

    monkeypatch.setattr(multi_view, "_pooling", counted)
    view_sets = {"maps": MAPS, "equal": MAPS}
    images = pictures(80, 80, 160)
    found = time_views(network, view_sets, images, repeats=2, device=CPU)
    assert all((each > 0).all() and each.shape == (3,) for each in found.values())
    narrow, wide = made[0], made[-1]
    # Two choices with two mirrors each, in the warm-up on the first image and in two passes.
    assert (made.count(narrow), made.count(wide)) == (3 * 2 * 2, 2 * 2 * 2)
