"""What a run could have seen, the size of effects, and p values; directions are in test_claims."""

import math
from pathlib import Path

import pytest

import sppnet.report
from sppnet.report.claims import CLAIMS
from sppnet.report.comparisons import Measured
from sppnet.report.verdicts import (
    BLIND,
    CONTRADICTED,
    REPRODUCED,
    UNDECIDED,
    claim_row,
    corrected,
    paper_effect,
)

REFERENCE = Path(sppnet.report.__file__).parent / "reference.csv"
TWO_SIGMA = 0.0455  # of a normal, both sides
IMAGENET, VOC = 50_000, 4952


def row(name, effect=0.5, error=0.5, *, not_comparable="", n=IMAGENET, images=None, **fields):
    """The line of a claim whose interval is two standard errors wide on each side."""
    usual = {"low": effect - 2 * error, "high": effect + 2 * error, "standard_error": error}
    number = images or n
    measured = Measured("", effect, 1.0, 1.0, n, images=number, seeds=3, **(usual | fields))
    claim = CLAIMS[name]
    return claim_row(claim, "here", measured, paper_effect(claim, REFERENCE), not_comparable)


@pytest.mark.parametrize(
    ("name", "effect", "error", "verdict"),
    [
        ("spp_zf5", 0.5, 1.5, BLIND),  # the paper's 1.01 needs an error of 0.36
        ("multi_size_overfeat7", 1.3, 0.7, BLIND),  # its 0.68 needs 0.24
        ("fine_tuning", 3.0, 3.0, UNDECIDED),  # its 8.9 needs 3.18
        ("fine_tuning", 3.0, 3.3, BLIND),
        ("as_accurate_as_rcnn", 0.0, 0.6, UNDECIDED),  # 0.7 lies 1.7 from the bound of -1
        ("as_accurate_as_rcnn", 0.0, 0.62, BLIND),
        ("map_views_equal", 0.05, 0.034, UNDECIDED),  # a margin of 0.1
        ("map_views_equal", 0.05, 0.037, BLIND),
        ("spp_zf5", 5.0, 1.5, REPRODUCED),
        ("spp_zf5", -5.0, 1.5, CONTRADICTED),
    ],
)
def test_a_run_is_blind_if_it_could_not_have_seen_the_papers_effect(name, effect, error, verdict):
    line = row(name, effect, error, image_variance=1.0)
    assert line["verdict"] == verdict
    assert line["smallest_effect"] == pytest.approx(2.8016 * error, abs=1e-3)
    if verdict in (BLIND, UNDECIDED):
        assert (line["needs"] == "-") == (verdict == UNDECIDED)


def test_what_a_blind_run_needs():
    # (2.8016 / 1.01)^2 = 7.694 standard errors squared, half from each source
    line = row("spp_zf5", error=1.5, image_variance=400.0, network_variance=2.0)
    assert line["needs"] == "31 seeds, 6156 images"
    assert row("spp_zf5", error=1.5, image_variance=400.0)["needs"] == "6156 images"
    assert row("two_sizes_time", 1.0, 0.5, image_variance=400.0)["needs"] == "-"  # none is sought


def test_ratios_are_judged_by_their_logarithms():
    line = row("faster_than_rcnn_one_scale", 1.2, math.log(1.2) / 2, low=1.0, high=1.4)
    assert line["p"] == pytest.approx(TWO_SIGMA, abs=1e-4)
    assert line["smallest_effect"] == pytest.approx(1.2 ** (2.8016 / 2), abs=1e-3)
    assert row("two_sizes_time", 1 / 1.2, math.log(1.2) / 2)["p"] == pytest.approx(line["p"])


@pytest.mark.parametrize(
    ("name", "effect", "error"),
    [
        ("spp_zf5", 2.0, 1.0),
        ("spp_zf5", -2.0, 1.0),
        ("as_accurate_as_rcnn", 1.0, 1.0),  # the bound is -1
        ("map_views_equal", 0.05, 0.025),  # the margin is 0.1
        ("map_views_equal", -0.15, 0.025),
    ],
)
def test_p_is_that_of_the_distance_from_what_decides(name, effect, error):
    assert row(name, effect, error)["p"] == pytest.approx(TWO_SIGMA, abs=1e-4)


def test_without_an_interval_there_is_no_p():
    line = row("spp_zf5", low=None, high=None, standard_error=None)
    assert line["p"] is line["smallest_effect"] is None
    assert (line["verdict"], line["needs"], line["size"]) == (UNDECIDED, "-", "-")


def test_effects_without_spread_have_a_p_too():
    assert row("spp_zf5", 2.0, 0.0)["p"] == 0
    assert row("spp_zf5", 0.0, 0.0)["p"] == 1


@pytest.mark.parametrize(
    ("effect", "size"),
    [(1.0, "as in the paper"), (-1.0, "smaller"), (3.0, "larger"), (1.01 - 0.5, "as in the paper")],
)
def test_the_size_is_that_of_the_paper_if_its_effect_lies_in_the_interval(effect, size):
    assert row("spp_zf5", effect, 0.3)["size"] == size
    assert row("spp_zf5", effect, 0.3, n=400)["size"] == "not comparable: fewer images"
    other = row("spp_zf5", effect, 0.3, not_comparable="other networks")
    assert other["size"] == "not comparable: other networks"


def test_the_images_of_a_set_count_and_not_those_of_a_split():
    assert row("caltech101_pyramid", 2.0, n=3000, images=9144)["size"] == "as in the paper"
    assert row("caltech101_pyramid", 2.0, n=9144, images=900)["size"].endswith("fewer images")
    assert row("five_scales", 1.0, n=VOC)["size"] == "as in the paper"
    # Times are measured on some images only, in the paper too.
    speed = row("faster_than_rcnn_one_scale", 60.0, 0.1, n=10, low=55.0, high=65.0)
    assert speed["size"] == "as in the paper"


def test_correction_takes_verdicts_back_and_makes_none():
    decided = row("spp_zf5", 2.05, 1.0) | {"verdict": REPRODUCED}
    certain = row("fine_tuning", 9.0, 1.0)
    blind = row("multi_size_zf5", 0.0, 3.0)
    timed = row("two_sizes_time", low=None, high=None, standard_error=None)
    lines = corrected([decided, certain, blind, timed])
    assert [line["corrected_verdict"] for line in lines] == [
        UNDECIDED,
        REPRODUCED,
        BLIND,
        UNDECIDED,
    ]
    # three p values: the smallest counts three times, the next twice
    assert lines[0]["corrected_p"] == pytest.approx(2 * decided["p"])
    assert lines[3]["corrected_p"] is None
    (alone,) = corrected([decided])
    assert alone["corrected_verdict"] == REPRODUCED
