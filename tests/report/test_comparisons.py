import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sppnet.errors import SppnetError
from sppnet.models.clock import take_turns
from sppnet.models.weights import save_tensors
from sppnet.report.claims import CLAIMS
from sppnet.report.comparisons import measure
from sppnet.report.requests import Side
from sppnet.report.verdicts import CONTRADICTED, REPRODUCED, UNDECIDED, claim_row, verdict
from sppnet.statistics.settings import Bootstrap

IMAGES = 400


@pytest.fixture
def scores(tmp_path):
    """Make a file of scores of 400 images of which those in `wrong` are named wrongly.

    Those have their label last of six; those in `fifth` have it fifth.
    """

    def make(name, wrong, images=IMAGES, fifth=slice(0), classes=6):
        values = torch.zeros(images, classes)
        values[:, :6] = torch.tensor([0.9, 0.1, 0, 0, 0, 0])
        values[fifth, :6] = torch.tensor([0.05, 0.5, 0.2, 0.15, 0.1, 0.0])
        values[wrong, :6] = torch.tensor([0.0, 0.5, 0.2, 0.1, 0.1, 0.1])
        description = {
            "classes": [str(label) for label in range(classes)],
            "images": [str(i) for i in range(images)],
        }
        path = tmp_path / f"{name}.safetensors"
        tensors = {"scores": values, "labels": torch.zeros(images, dtype=torch.int64)}
        save_tensors(path, tensors, {"classification": json.dumps(description)})
        return path

    return make


def compare(name, ours, reference, **options):
    sides = [
        Side(files=tuple(files), part=part)
        for files, part in (
            (ours, options.get("ours_part", "")),
            (reference, options.get("part", "")),
        )
    ]
    return measure(CLAIMS[name], *sides, Bootstrap(bootstrap=400, seed=1))


def test_errors_are_compared_on_the_same_images(scores):
    ours, plain = scores("ours", slice(100)), scores("plain", slice(120))
    found = compare("spp_zf5", [ours], [plain])
    assert (found.effect, found.ours, found.reference) == (5.0, 25.0, 30.0)
    assert (found.n, found.seeds) == (400, 1)
    # 20 of 400 images differ, all in one direction: sd = sqrt(0.05 * 0.95 / 400) = 1.09 %
    assert found.low == pytest.approx(5 - 1.96 * 1.09, abs=0.5)
    assert found.high == pytest.approx(5 + 1.96 * 1.09, abs=0.5)
    assert found.mcnemar == pytest.approx(2 / 2**20)
    turned = compare("spp_zf5", [plain], [ours])
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert verdict(CLAIMS["spp_zf5"], found.low, found.high) == REPRODUCED
    assert verdict(CLAIMS["spp_zf5"], turned.low, turned.high) == CONTRADICTED


def test_a_claim_says_which_errors_are_compared(scores):
    by_top = {5: (5.0, 10.0, 5.0), 1: (-12.5, 17.5, 30.0)}  # of 400 images
    for classes in (20, 21):
        ours = scores("ours", slice(20), fifth=slice(50, 150), classes=classes)
        other = scores("other", slice(40), fifth=slice(50, 80), classes=classes)
        for name, top in (("views_96", 5), ("map_views_equal", 5), ("views_98", 1)):
            found = compare(name, [ours], [other])
            shown = top if classes > 20 else 1
            assert found.metric == f"top-{shown} error"
            assert (found.effect, found.reference, found.ours) == by_top[shown], name


def test_networks_that_differ_much_leave_a_claim_undecided(scores):
    ours = [scores("a", slice(60)), scores("b", slice(140))]
    plain = [scores("c", slice(80)), scores("d", slice(160))]
    trained = compare("spp_zf5", ours, plain)
    assert trained.effect == 5.0
    assert verdict(CLAIMS["spp_zf5"], trained.low, trained.high) == UNDECIDED
    tested = compare("views_98", ours, plain)  # the same two networks, each 5 % better
    assert verdict(CLAIMS["views_98"], tested.low, tested.high) == REPRODUCED
    assert tested.mcnemar == pytest.approx(2 / 2**20)


def test_both_values_are_means_of_what_their_networks_show(scores):
    ours, plain = [scores("a", slice(61)), scores("b", slice(142))], [scores("c", slice(83))]
    found = compare("spp_zf5", ours, plain)
    assert [each["value"] for each in found.networks["ours"]] == [15.25, 35.5]
    assert [each["file"].split("/")[-1] for each in found.networks["ours"]] == ["a", "b"]
    for side, value in (("ours", found.ours), ("reference", found.reference)):
        assert np.mean([each["value"] for each in found.networks[side]]) == pytest.approx(value)
    assert claim_row(CLAIMS["spp_zf5"], "here", found, None, "")["networks"] == found.networks


def test_what_a_run_could_see_follows_from_images_and_networks(scores):
    """Against the variances of outcomes that are known: so many images and networks."""
    ours = [scores("a", slice(60)), scores("b", slice(140))]  # 15 and 35 %
    plain = [scores("c", slice(80)), scores("d", slice(160))]  # 20 and 40 %
    trained = compare("spp_zf5", ours, plain)
    assert trained.network_variance == pytest.approx(2 * 200)  # 10^2 + 10^2 on each side
    # of 400 images 40 have the difference 50 % (60 to 79 and 140 to 159), the others none
    assert trained.image_variance == pytest.approx(50**2 * 0.1 * 0.9, rel=0.01)
    low, high = trained.over_networks
    # standard error sqrt(200 / 2 + 200 / 2); t with 2 degrees of freedom is 4.303
    assert (low, high) == pytest.approx((5 - 4.303 * 200**0.5, 5 + 4.303 * 200**0.5), abs=0.01)
    tested = compare("views_98", ours, plain)  # the same networks: both differ by 5
    assert tested.network_variance == pytest.approx(0)
    assert tested.over_networks == pytest.approx((5, 5))
    alone = compare("spp_zf5", ours[:1], plain[:1])
    assert alone.network_variance is alone.over_networks is None
    assert alone.standard_error == pytest.approx(100 * (0.05 * 0.95 / 400) ** 0.5, rel=0.15)


def test_mcnemar_needs_pairs(scores):
    found = compare("spp_zf5", [scores("a", slice(10)), scores("b", slice(20))], [scores("c", [])])
    assert found.mcnemar is None and found.seeds == 2


def test_the_largest_p_of_the_pairs_stands(scores):
    ours = [scores("a", slice(10)), scores("b", slice(10))]
    plain = [scores("c", slice(20)), scores("d", slice(12))]
    assert compare("spp_zf5", ours, plain).mcnemar == pytest.approx(2 / 2**2)


def test_an_interval_at_the_margin_is_within_it(scores):
    """One image of 1000 is 0.1 %, whatever 100 * 0.001 is to the last bit."""
    ours, crops = scores("m", slice(3), images=1000), scores("n", slice(3), images=1000)
    found = compare("map_views_equal", [ours], [crops])
    assert (found.effect, found.low, found.high) == (0, 0, 0)
    assert verdict(CLAIMS["map_views_equal"], 0.0, found.high + 0.1) == REPRODUCED


def test_sides_that_do_not_fit_are_refused(scores):
    one, other = scores("a", slice(10)), scores("b", slice(10), images=20)
    with pytest.raises(SppnetError, match=r"b\.safetensors: other images"):
        compare("spp_zf5", [one], [other])
    with pytest.raises(SppnetError, match="as many files"):
        compare("views_98", [one, one], [one])


def write(path, value):
    path.write_text(json.dumps(value))
    return path


def evaluation(path, best, replicates, images=("a", "b")):
    rows = {
        name: {"map": best - drop, "replicates": (np.array(replicates) - drop).tolist()}
        for name, drop in (("ftfc7 bb", 0), ("ftfc7", 0.04), ("ftfc6", 0.06), ("fc6", 0.1))
    }
    return write(path, {"images": len(images), "image_names": list(images), "rows": rows})


def test_detectors_are_compared_sample_by_sample(tmp_path):
    samples = np.linspace(0.3, 0.7, 101)
    five = evaluation(tmp_path / "five.json", 0.52, samples + 0.02)
    one = evaluation(tmp_path / "one.json", 0.50, samples)
    found = compare("five_scales", [five], [one])
    assert (found.effect, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert (found.ours, found.n, found.mcnemar) == (pytest.approx(52.0), 2, None)
    assert compare("box_regression", [five], [five]).effect == pytest.approx(4.0)
    assert compare("fine_tuning", [five], [five]).effect == pytest.approx(4.0)


def test_detectors_that_find_nothing_and_samples_without_objects_are_compared(tmp_path):
    rows = {name: {"map": 0, "replicates": [0, None, 0]} for name in ("ftfc7 bb", "ftfc7")}
    report = {"images": 2, "image_names": ["a", "b"], "rows": rows}
    nothing = write(tmp_path / "none.json", report)
    found = compare("five_scales", [nothing], [nothing])
    assert (found.effect, found.low, found.high) == (0, 0, 0)
    rows["ftfc7 bb"] = {"map": 0.5, "replicates": [0.4, None, 0.6]}
    found = compare("five_scales", [write(tmp_path / "some.json", report)], [nothing])
    assert (found.effect, found.low, found.high) == pytest.approx((50, 40.5, 59.5))


def test_detectors_need_the_same_images_and_samples(tmp_path):
    one = evaluation(tmp_path / "one.json", 0.5, [0.5, 0.6])
    with pytest.raises(SppnetError, match=r"b\.json: other images"):
        compare("five_scales", [one], [evaluation(tmp_path / "b.json", 0.5, [0.5, 0.6], "xy")])
    with pytest.raises(SppnetError, match=r"c\.json: not as many"):
        compare("five_scales", [one], [evaluation(tmp_path / "c.json", 0.5, [0.5])])
    with pytest.raises(SppnetError, match="one file"):
        compare("five_scales", [one, one], [one])
    with pytest.raises(SppnetError, match=r"has no rows\.ftfc7 bb"):
        compare("five_scales", [one], [write(tmp_path / "d.json", {"rows": {}})])


def test_transfer_is_compared_by_layer(tmp_path):
    layers = {
        "pool": {"value": 0.8, "replicates": [0.79, 0.81], "n": 7},
        "spp": {"value": 0.83, "replicates": [0.81, 0.85], "n": 7},
    }
    path = write(tmp_path / "a.json", {"image_names": ["x"] * 9, "layers": layers})
    found = compare("caltech101_pyramid", [path], [path])
    assert (found.effect, found.n) == (pytest.approx(3.0), 7)
    assert (found.low, found.high) == pytest.approx((2.05, 3.95))
    # differences of 2 and 4 points; the images are taken for the only source of variance
    assert found.standard_error == pytest.approx(2**0.5, abs=1e-4)
    assert found.image_variance == pytest.approx(7 * 2)
    assert (found.metric, found.network_variance) == ("accuracy", None)


def test_transfer_over_splits_is_compared_half_by_half(tmp_path):
    def result(name, value, differences, key="half_differences"):
        layers = {
            layer: {"value": value + more, key: [each * scale for each in differences], "n": 7}
            for layer, more, scale in (("pool", 0, 1), ("spp", 0.03, 2))
        }
        report = {"image_names": ["x"] * 9, "layers": layers}
        return write(tmp_path / f"{name}.json", report)

    path = result("a", 0.8, [0.01, -0.02, 0.02, -0.01])
    found = compare("caltech101_pyramid", [path], [path])
    assert found.effect == pytest.approx(3.0)
    # t with 4 degrees of freedom, 2.7764, times sqrt((1 + 4 + 4 + 1) / 4)
    assert (found.low, found.high) == pytest.approx((3 - 4.38990, 3 + 4.38990), abs=1e-4)
    assert found.standard_error == pytest.approx(2.5**0.5, abs=1e-4)  # their root mean square
    assert found.image_variance == pytest.approx(7 * 2.5)
    assert (found.n, found.images) == (7, 9)
    for other in (result("b", 0.8, [0.01] * 3), result("c", 0.8, [0.01] * 4, "replicates")):
        with pytest.raises(SppnetError, match=rf"{other.name}: not as many"):
            compare("caltech101_pyramid", [path], [other])


def timing(path, **columns):
    values = {name: {"total": {"each": list(each)}} for name, each in columns.items()}
    return write(path, {"images": 5, "columns": values})


def test_speed_is_a_ratio_of_medians_on_the_same_images(tmp_path):
    slow = np.array([9.0, 8.0, 12.0, 40.0, 10.0])
    path = timing(tmp_path / "t.json", spp=slow / 50, rcnn=slow)
    found = compare("faster_than_rcnn_one_scale", [path], [path], ours_part="spp", part="rcnn")
    assert (found.effect, found.low, found.high) == pytest.approx((50, 50, 50))
    assert (found.ours, found.reference, found.n) == (pytest.approx(200), 10_000, 5)


def test_a_single_image_decides_nothing(tmp_path):
    path = timing(tmp_path / "t.json", maps=[0.02], crops=[0.09])
    found = compare_times("map_views_faster", path, "maps", "crops")
    assert (found.effect, found.low, found.high) == (4.5, None, None)
    assert verdict(CLAIMS["map_views_faster"], found.low, found.high) == UNDECIDED


def compare_times(name, path, ours, reference):
    return compare(name, [path], [path], ours_part=ours, part=reference)


def test_times_that_did_not_take_turns_are_refused(tmp_path):
    path = timing(tmp_path / "t.json", maps=[1.0, 2.0], crops=[1.0])
    with pytest.raises(SppnetError, match="maps and crops were not timed equally often"):
        compare_times("map_views_faster", path, "maps", "crops")
    with pytest.raises(SppnetError, match=r"t\.json: has no columns\.views\.total\.each"):
        compare_times("map_views_faster", path, "maps", "views")
    other = timing(tmp_path / "u.json", crops=[1.0, 2.0])
    for name in ("map_views_faster", "two_sizes_time"):
        with pytest.raises(SppnetError, match=rf"u\.json: {name} compares times from one file"):
            compare(name, [path], [other], ours_part="maps", part="crops")


def test_trainings_are_compared_by_the_mean_time_of_their_blocks(tmp_path):
    one = np.array([10.0, 10.0, 10.0, 10.0, 10.0, 40.0]) / 1000
    path = timing(tmp_path / "t.json", single=one, multi=one / 1.25)
    found = compare_times("two_sizes_time", path, "multi", "single")
    assert (found.reference, found.ours, found.effect) == (15.0, 12.0, 1.25)
    # Pairs: that one block took four times as long says nothing about their ratio.
    assert (found.n, found.seeds, found.low, found.high) == (6, 1, 1.25, 1.25)
    mixed = np.array([5.0, 10.0] * 50) / 1000
    path = timing(tmp_path / "u.json", single=np.full(100, 0.01), multi=mixed)
    found = compare_times("two_sizes_time", path, "multi", "single")
    # mean of 100 blocks of 5 or 10 ms: sd = 2.5 / sqrt(100) = 0.25 ms
    assert found.low == pytest.approx(10 / (7.5 + 1.96 * 0.25), rel=0.02)
    assert found.standard_error == pytest.approx(0.25 / 7.5, rel=0.1)  # of the logarithm
    assert found.high == pytest.approx(10 / (7.5 - 1.96 * 0.25), rel=0.02)


class Machine:
    """A clock on which work takes longer in slow phases, each of which lasts several calls."""

    def __init__(self, seed, phase):
        self.random, self.phase, self.now = np.random.default_rng(seed), phase, 0.0
        self.factor, self.end = 1.0, self.random.exponential(phase)

    def work(self, item):
        """One second of work on a quiet machine, give or take 3 %, whoever asks for it."""
        left = np.exp(0.03 * self.random.standard_normal())
        while left * self.factor > self.end - self.now:
            left -= (self.end - self.now) / self.factor
            self.now, self.factor = self.end, 2.6 - self.factor
            self.end += self.random.exponential(self.phase)
        self.now += left * self.factor


def held(tmp_path, monkeypatch, claim, phase, measure_times, trials=100):
    """Share of trials in which equal work is not found unequal."""
    inside = 0
    for seed in range(trials):
        machine = Machine(seed, phase)
        fake = SimpleNamespace(perf_counter=lambda machine=machine: machine.now)
        monkeypatch.setattr("sppnet.models.clock.time", fake)
        path = timing(tmp_path / "t.json", **measure_times(machine.work))
        found = compare_times(claim, path, "ours", "reference")
        inside += found.low <= 1 <= found.high
    return inside / trials


@pytest.mark.parametrize("phase", [3, 10, 40])
@pytest.mark.parametrize("claim", ["two_sizes_time", "map_views_faster"])
def test_a_machine_that_slows_down_now_and_then_makes_no_difference(
    tmp_path, monkeypatch, claim, phase
):
    """95 % intervals of equal work hold 1, as the same calls one after the other do not."""
    device = torch.device("cpu")

    def in_turn(work):
        calls = {"ours": work, "reference": work}
        return take_turns(calls, range(30), device=device, description="")

    def one_after_the_other(work):
        return {
            name: take_turns({name: work}, range(30), device=device, description="")[name]
            for name in ("ours", "reference")
        }

    assert held(tmp_path, monkeypatch, claim, phase, in_turn) >= 0.93
    if phase == 40:
        assert held(tmp_path, monkeypatch, claim, phase, one_after_the_other) < 0.75
