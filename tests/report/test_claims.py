from pathlib import Path

import numpy as np
import pytest

import sppnet.report
from sppnet.errors import SppnetError
from sppnet.report.claims import CLAIMS, NETWORKS, Claim, find_claim
from sppnet.report.verdicts import (
    BLIND,
    CONTRADICTED,
    REPRODUCED,
    UNDECIDED,
    paper_effect,
    verdict,
)

REFERENCE = Path(sppnet.report.__file__).parent / "reference.csv"

# Read off the paper's tables by hand: what is better, minus or over the rest.
EFFECTS = {
    "spp_zf5": 1.01,
    "spp_convnet5": 0.55,
    "spp_overfeat5": 1.26,
    "spp_overfeat7": 1.65,  # the largest gain, says the text
    "multi_size_zf5": 0.38,
    "multi_size_convnet5": 0.44,
    "multi_size_overfeat5": 0.61,
    "multi_size_overfeat7": 0.68,
    "fewer_bins": 0.93,
    "random_size_better_than_one": 0.30,
    "random_size_worse_than_two": 0.38,
    "full_image_zf5_single": 0.46,
    "full_image_zf5_multi": 0.50,
    "full_image_overfeat7_single": 0.46,
    "full_image_overfeat7_multi": 1.32,
    "views_96": 1.59,
    "views_98": 1.82,
    "views_full": 0.22,
    "map_views_equal": None,
    "map_views_faster": None,
    "two_sizes_time": None,
    "voc07_full_image": 1.94,
    "voc07_larger_scale": 1.71,
    "caltech101_pyramid": 1.98,
    "caltech101_full_image": 1.97,
    "five_scales": 1.2,
    "fine_tuning": 8.9,
    "box_regression": 4.0,
    "as_accurate_as_rcnn": 0.7,
    "faster_than_rcnn_one_scale": 9.03 / 0.142,
    "faster_than_rcnn_five_scales": 9.03 / 0.382,
}


def test_every_effect_of_the_paper_was_read_by_hand():
    assert set(EFFECTS) == set(CLAIMS)


@pytest.mark.parametrize("name", EFFECTS)
def test_the_papers_effects(name):
    found = paper_effect(CLAIMS[name], REFERENCE)
    if EFFECTS[name] is None:
        assert found is None
    else:
        assert found.value == pytest.approx(EFFECTS[name], abs=1e-4)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda claim: claim.name)
def test_the_papers_numbers_say_their_backbones(claim):
    """Its tables name them in a row or a column: ZF-5, SPP_5sc_ZF5, RCNN_Alex5, ..."""
    names = {"alex5": "Alex5"} | NETWORKS
    assert (claim.backbones is None) == (claim.paper is None)
    for key, backbone in zip(claim.paper or (), claim.backbones or (), strict=True):
        words = f"{key.row} {key.column}".replace("ZF5", "ZF-5")
        assert names[backbone] in words


def test_the_arithmetic_is_shown():
    found = paper_effect(CLAIMS["fewer_bins"], REFERENCE)
    assert (found.arithmetic, found.origin) == ("35.99 - 35.06", "deck and paper-text")
    assert paper_effect(CLAIMS["five_scales"], REFERENCE).arithmetic == "59.2 - 58"
    speed = paper_effect(CLAIMS["faster_than_rcnn_one_scale"], REFERENCE)
    assert speed.arithmetic == "9.03 / 0.142"


@pytest.mark.parametrize("name", [name for name, effect in EFFECTS.items() if effect])
def test_the_paper_itself_upholds_its_claims(name):
    claim, effect = CLAIMS[name], EFFECTS[name]
    assert verdict(claim, effect - 1e-6, effect + 1e-6) == REPRODUCED


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.5, REPRODUCED),
        (-0.5, -0.1, CONTRADICTED),
        (-0.1, 3.5, UNDECIDED),
        (0.0, 3.5, UNDECIDED),
        (-3.5, 0.0, UNDECIDED),
        (None, None, UNDECIDED),
    ],
)
def test_verdicts_on_more(low, high, expected):
    assert verdict(CLAIMS["spp_zf5"], low, high) == expected
    assert verdict(CLAIMS["spp_zf5"], low, high, is_blind=True) == (
        BLIND if expected == UNDECIDED and low is not None else expected
    )
    shifted = Claim("a", "b", "map", None, bound=-1.0)
    moved = [None if end is None else end - 1 for end in (low, high)]
    assert verdict(shifted, *moved) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.05, 0.05, REPRODUCED),
        (-0.1, 0.1, REPRODUCED),
        (0.0, 0.0, REPRODUCED),
        (0.05, 0.2, UNDECIDED),
        (-0.3, 0.3, UNDECIDED),
        (0.2, 0.3, CONTRADICTED),
        (-0.3, -0.2, CONTRADICTED),
    ],
)
def test_verdicts_on_equal(low, high, expected):
    assert verdict(CLAIMS["map_views_equal"], low, high) == expected


def test_as_fast_is_no_gain_and_less_than_a_point_is_no_loss():
    """A ratio decides by 1 and not by 0; only against R-CNN may a point be lost."""
    ratios = {claim.name for claim in CLAIMS.values() if claim.is_ratio}
    assert len(ratios) == 4
    for name in ratios:
        assert verdict(CLAIMS[name], 0.5, 0.9) == CONTRADICTED
        assert verdict(CLAIMS[name], 1.1, 1.9) == REPRODUCED
    for claim in CLAIMS.values():
        if claim.name not in {*ratios, "map_views_equal"}:
            lost = REPRODUCED if claim.name == "as_accurate_as_rcnn" else CONTRADICTED
            assert verdict(claim, -0.9, -0.1) == lost, claim.name
            assert verdict(claim, -1.9, -1.1) == CONTRADICTED, claim.name


@pytest.mark.parametrize(
    ("name", "low", "high", "expected"),
    [
        ("spp_zf5", 0.0, 0.0, "no difference beyond 2 points"),
        ("spp_zf5", -2.0, 2.0, "no difference beyond 2 points"),
        ("spp_zf5", -2.1, 0.5, UNDECIDED),
        ("spp_zf5", -0.5, 2.1, UNDECIDED),
        ("two_sizes_time", 0.95, 1.05, "no difference beyond a factor of 1.1"),
        ("two_sizes_time", 0.9, 1.05, UNDECIDED),
        ("two_sizes_time", 0.95, 1.2, UNDECIDED),
        ("as_accurate_as_rcnn", -1.5, 1.0, UNDECIDED),  # a loss beyond its bound is possible
    ],
)
def test_a_narrow_interval_around_nothing_is_no_difference(name, low, high, expected):
    assert verdict(CLAIMS[name], low, high) == expected


# Rows of our files by those of the paper's tables.
ROWS = {
    "fc6": "fc6",
    "ftfc6": "ftfc6",
    "ftfc7": "ftfc7",
    "ftfc7bb": "ftfc7 bb",
    "fc7/9": "fc7",
    "pool5/7_6x6": "pool",
    "SPP_pool5/7": "spp",
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda claim: claim.name)
def test_what_is_measured_is_what_the_papers_numbers_are_of(claim):
    if claim.kind in ("map", "accuracy"):
        assert claim.rows == tuple(ROWS[key.row] for key in claim.paper)
    words = " ".join(key.row for key in claim.paper or ())
    assert (claim.top == 5) == ("top5" in words or claim.name == "map_views_equal")


def test_effects_are_positive_where_ours_is_better():
    better = {"errors": 30.0, "map": 40.0, "accuracy": 40.0, "image time": 2.0, "epoch time": 2.0}
    worse = {"errors": 40.0, "map": 30.0, "accuracy": 30.0, "image time": 8.0, "epoch time": 8.0}
    for kind, ours in better.items():
        claim = Claim("a", "b", kind, None)
        assert claim.effect(ours, worse[kind]) == (4.0 if claim.is_ratio else 10.0)
        both = claim.effect(np.array([ours, 1.0]), np.array([worse[kind], 1.0]))
        assert both[1] == (1.0 if claim.is_ratio else 0.0)


def test_unknown_claims_are_named():
    with pytest.raises(SppnetError, match="no claim 'spp_vgg'"):
        find_claim("spp_vgg")


def test_a_lost_number_is_named(tmp_path):
    path = tmp_path / "reference.csv"
    path.write_text("table,row,column,value,origin\n9,a,b,1,deck\n")
    with pytest.raises(SppnetError, match="SPP_single"):
        paper_effect(CLAIMS["spp_zf5"], path)
