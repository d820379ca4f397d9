import json

import numpy as np
import pytest
import torch

from sppnet.errors import SppnetError
from sppnet.models.weights import save_tensors
from sppnet.report.claims import CLAIMS
from sppnet.report.comparisons import Side, measure
from sppnet.report.verdicts import CONTRADICTED, REPRODUCED, UNDECIDED, claim_row, verdict

IMAGES = 400


@pytest.fixture
def scores(tmp_path):
    """Make a file of scores of 400 images of which those in `wrong` are named wrongly."""

    def make(name, wrong, images=IMAGES):
        values = torch.tensor([[0.9, 0.1, 0, 0, 0, 0]]).repeat(images, 1)
        values[wrong] = torch.tensor([0.0, 0.5, 0.2, 0.1, 0.1, 0.1])
        description = {"classes": list("abcdef"), "images": [str(i) for i in range(images)]}
        path = tmp_path / f"{name}.safetensors"
        tensors = {"scores": values, "labels": torch.zeros(images, dtype=torch.int64)}
        save_tensors(path, tensors, {"classification": json.dumps(description)})
        return path

    return make


def compare(name, ours, reference, **options):
    sides = [
        Side(tuple(files), part)
        for files, part in (
            (ours, options.get("ours_part", "")),
            (reference, options.get("part", "")),
        )
    ]
    return measure(CLAIMS[name], *sides, replicates=400, seed=1)


def test_errors_are_compared_on_the_same_images(scores):
    ours, plain = scores("ours", slice(100)), scores("plain", slice(120))
    found = compare("spp_zf5", [ours], [plain])
    assert (found.effect, found.ours, found.reference) == (5.0, 25.0, 30.0)
    assert (found.n, found.seeds) == (400, 1)
    # 20 of 400 images differ, all in one direction: sd = sqrt(0.05 * 0.95 / 400) = 1.09 %
    assert found.low == pytest.approx(5 - 1.96 * 1.09, abs=0.5)
    assert found.high == pytest.approx(5 + 1.96 * 1.09, abs=0.5)
    assert found.p == pytest.approx(2 / 2**20)
    turned = compare("spp_zf5", [plain], [ours])
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert verdict(CLAIMS["spp_zf5"], found.low, found.high) == REPRODUCED
    assert verdict(CLAIMS["spp_zf5"], turned.low, turned.high) == CONTRADICTED


def test_networks_that_differ_much_leave_a_claim_undecided(scores):
    ours = [scores("a", slice(60)), scores("b", slice(140))]
    plain = [scores("c", slice(80)), scores("d", slice(160))]
    trained = compare("spp_zf5", ours, plain)
    assert trained.effect == 5.0
    assert verdict(CLAIMS["spp_zf5"], trained.low, trained.high) == UNDECIDED
    tested = compare("views_98", ours, plain)  # the same two networks, each 5 % better
    assert verdict(CLAIMS["views_98"], tested.low, tested.high) == REPRODUCED
    assert tested.p == pytest.approx(2 / 2**20)


def test_both_values_are_means_of_what_their_networks_show(scores):
    ours, plain = [scores("a", slice(61)), scores("b", slice(142))], [scores("c", slice(83))]
    found = compare("spp_zf5", ours, plain)
    assert [each["value"] for each in found.networks["ours"]] == [15.25, 35.5]
    assert [each["file"].split("/")[-1] for each in found.networks["ours"]] == ["a", "b"]
    for side, value in (("ours", found.ours), ("reference", found.reference)):
        assert np.mean([each["value"] for each in found.networks[side]]) == pytest.approx(value)
    assert claim_row(CLAIMS["spp_zf5"], "here", found, None)["networks"] == found.networks


def test_mcnemar_needs_pairs(scores):
    found = compare("spp_zf5", [scores("a", slice(10)), scores("b", slice(20))], [scores("c", [])])
    assert found.p is None and found.seeds == 2


def test_the_largest_p_of_the_pairs_stands(scores):
    ours = [scores("a", slice(10)), scores("b", slice(10))]
    plain = [scores("c", slice(20)), scores("d", slice(12))]
    assert compare("spp_zf5", ours, plain).p == pytest.approx(2 / 2**2)


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
    assert (found.ours, found.n, found.p) == (pytest.approx(52.0), 2, None)
    assert compare("box_regression", [five], [five]).effect == pytest.approx(4.0)
    assert compare("fine_tuning", [five], [five]).effect == pytest.approx(4.0)


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
    maps, crops = (
        write(tmp_path / f"{time}.json", {"milliseconds_each": [time]}) for time in (20.0, 90.0)
    )
    found = compare("map_views_faster", [maps], [crops])
    assert (found.effect, found.low, found.high) == (4.5, None, None)
    assert verdict(CLAIMS["map_views_faster"], found.low, found.high) == UNDECIDED
    with pytest.raises(SppnetError, match="has no milliseconds_each"):
        compare("map_views_faster", [maps], [write(tmp_path / "old.json", {"milliseconds": 3.0})])


def test_times_of_several_networks_are_averaged_image_by_image(tmp_path):
    def times(name, values):
        return write(tmp_path / name, {"milliseconds_each": values})

    maps = [times("a", [1.0, 2.0, 3.0]), times("b", [3.0, 2.0, 5.0])]  # mean 2, 2, 4
    crops = [times("c", [8.0, 8.0, 16.0])]
    found = compare("map_views_faster", maps, crops)
    assert (found.effect, found.n, found.seeds) == (4.0, 3, 2)
    assert (found.low, found.high) == (4.0, 4.0)
    with pytest.raises(SppnetError, match="not as many images"):
        compare("map_views_faster", maps, [times("d", [8.0, 8.0])])


def test_epochs_are_compared_by_their_mean_time(tmp_path):
    def history(name, rates):
        rows = [f"{i},0.5,0.5,{rate},224\n" for i, rate in enumerate(rates)]
        path = tmp_path / name
        path.write_text(
            "epoch,train_error,validation_error,images_per_second,size\n" + "".join(rows)
        )
        return path

    one = history("one", [100.0] * 6)
    two = [history("two", [100.0, 200.0] * 3), history("more", [100.0, 200.0] * 3)]
    found = compare("two_sizes_time", two, [one])
    assert (found.reference, found.ours) == (10.0, 7.5)
    assert found.effect == pytest.approx(4 / 3, abs=1e-6)
    assert (found.n, found.seeds) == (6, 2)
    # mean of 12 epochs of 5 or 10 ms: sd = 2.5 / sqrt(12) = 0.72 ms
    assert found.low == pytest.approx(10 / (7.5 + 1.96 * 0.72), rel=0.05)
    assert found.high == pytest.approx(10 / (7.5 - 1.96 * 0.72), rel=0.05)
