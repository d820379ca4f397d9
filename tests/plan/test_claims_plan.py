"""Claims as planned: which can be tested, on what, and the files of their two sides."""

from pathlib import Path

import pytest
import yaml

from sppnet.config.settings import check_settings
from sppnet.plan.plan import plan_of
from sppnet.report.claims import CLAIMS

ROOT = Path(__file__).resolve().parents[2]
LONG = "config/mini_long.yaml"  # with every backbone and training variant


def settings(file="config/mini.yaml"):
    return yaml.safe_load((ROOT / file).read_text())


def planned(config):
    return plan_of(check_settings(config)).claims


def claimed(config):
    """Comparisons by the name of their claim."""
    return {each.claim: each for each in planned(config).comparisons().comparisons}


@pytest.fixture(scope="module")
def mini():
    return claimed(settings())


def test_all_claims_of_the_paper_are_tested_once_in_the_order_of_the_table():
    names = [each.claim for each in planned(settings(LONG)).comparisons().comparisons]
    assert len(names) == len(set(names)) and set(names) == set(CLAIMS)
    assert names[0] == "spp_zf5" and names[-1] == "faster_than_rcnn_five_scales"


def test_files_behind_claims_are_waited_for_once(mini):
    files = planned(settings()).measured()
    sides = [side for each in mini.values() for side in (each.ours, each.reference)]
    scored = {str(file) for side in sides for file in side.files}
    assert sorted(files) == sorted({*scored, "artifacts/mini/image_folder.parquet"})


def test_claims_that_squares_cannot_decide_know_their_pictures(mini):
    manifest = Path("artifacts/mini/image_folder.parquet")
    for name, claim in mini.items():
        assert claim.manifest == (manifest if CLAIMS[name].needs_aspects else None)
    full = claimed(settings("config/paper.yaml"))
    assert full["views_96"].manifest == Path("artifacts/paper/imagenet.parquet")


def test_accuracy_is_claimed_only_of_detectors_with_the_same_images():
    """R-CNN learns from a few photographs: SPP-net on as many is its rival, if there is one."""
    config = settings("config/voc07.yaml")
    found = claimed(config)["as_accurate_as_rcnn"]
    folder = Path("artifacts/voc07/detectors")
    assert found.ours.files == (folder / "efficientnet_5sc_150/evaluation.json",)
    assert found.reference.files == (folder / "rcnn_efficientnet/evaluation.json",)
    assert "one scale" not in found.not_comparable
    config["detectors"]["efficientnet_5sc_150"]["images"] = 149
    found = claimed(config)
    assert "as_accurate_as_rcnn" not in found and "faster_than_rcnn_one_scale" in found
    config["detectors"]["efficientnet_1sc"]["images"] = 150
    found = claimed(config)["as_accurate_as_rcnn"]
    assert found.ours.files == (folder / "efficientnet_1sc/evaluation.json",)
    assert found.not_comparable.endswith(", one scale")


def test_only_backbones_of_the_paper_are_claimed_about():
    config = settings(LONG)
    alex5 = {"title": "", "reference": None, "width": 1, "epochs": 1}
    config["classifiers"]["backbones"]["alex5"] = alex5
    config["errors"]["table3"]["backbones"].append("alex5")
    assert set(claimed(config)) == set(CLAIMS)


def test_claims_say_network_and_set_and_compare_like_networks_only():
    photographs = claimed(settings("config/voc07.yaml"))
    assert photographs["spp_zf5"].not_comparable == "narrower networks, other images"
    assert photographs["views_96"].not_comparable == (
        "other networks, narrower networks, other images"
    )
    assert photographs["five_scales"].not_comparable == "other networks"
    assert photographs["views_96"].measured_on == "ZF-5 of width 0.125, imagenette"
    assert photographs["five_scales"].measured_on == "EfficientNet-Lite0, VOC2007"
    assert photographs["caltech101_pyramid"].measured_on == "SqueezeNet, caltech101"
    full = claimed(settings("config/paper.yaml"))
    assert {claim.not_comparable for claim in full.values()} == {""}
    assert full["views_96"].measured_on == "Overfeat-7, ILSVRC2012"
    assert full["as_accurate_as_rcnn"].measured_on == "ZF-5 and Alex-5, VOC2007"


def test_times_of_a_claim_come_from_one_process(mini):
    """What took turns lies in one file; what ran beside other jobs is no time."""
    times = {
        "map_views_faster": ("views_timing.json", "ten_on_map", "ten_crops"),
        "two_sizes_time": ("training_timing.json", "spp_multi", "spp_single"),
        "faster_than_rcnn_one_scale": ("timing.json", "spp_1sc", "rcnn"),
    }
    for claim, (file, ours, reference) in times.items():
        sides = (mini[claim].ours, mini[claim].reference)
        assert [side.part for side in sides] == [ours, reference]
        assert [side.files for side in sides] == [(Path(f"artifacts/mini/{file}"),)] * 2


def test_one_scale_has_no_numbers_of_five_beside_it(mini):
    assert mini["fine_tuning"].measured_on == "ZF-5 of width 0.125, generated VOC set"
    assert mini["fine_tuning"].not_comparable == "narrower networks, generated images"
    config = settings()
    config["table9"]["columns"].remove("spp_5sc")
    found = claimed(config)
    for name in ("fine_tuning", "box_regression", "as_accurate_as_rcnn"):
        assert found[name].not_comparable.endswith(", one scale")
    assert "one scale" not in found["faster_than_rcnn_one_scale"].not_comparable
    assert "five_scales" not in found


def test_one_narrow_network_is_enough_to_differ_from_the_paper():
    config = settings()
    config["networks"]["alex5"]["architecture"]["width"] = 1
    differs = claimed(config)["as_accurate_as_rcnn"].not_comparable
    assert differs == "narrower networks, generated images"


def test_detectors_are_found_by_the_papers_and_not_by_their_own_names():
    config = settings()
    config["detectors"] = {
        {"spp_1sc": "fast", "spp_5sc": "exact"}.get(name, name): own
        for name, own in config["detectors"].items()
    }
    config["table9"]["columns"] = ["fast", "exact", "rcnn"]
    config["figures"]["detector"] = "exact"
    found = claimed(config)["five_scales"]
    assert found.ours.files == (Path("artifacts/mini/detectors/exact/evaluation.json"),)
    assert found.reference.files == (Path("artifacts/mini/detectors/fast/evaluation.json"),)


@pytest.mark.parametrize(
    ("baseline", "title", "prefix"),
    [("rcnn_efficientnet", "EfficientNet-Lite0", "efficientnet"), ("rcnn", "SqueezeNet", "spp")],
)
def test_claims_are_about_the_backbone_of_the_baseline(baseline, title, prefix):
    config = settings("config/voc07.yaml")
    config["table9"]["baseline"] = baseline
    found = claimed(config)
    folder = Path("artifacts/voc07/detectors")
    assert found["five_scales"].measured_on == f"{title}, VOC2007"
    assert found["five_scales"].ours.files == (folder / f"{prefix}_5sc/evaluation.json",)
    assert found["five_scales"].reference.files == (folder / f"{prefix}_1sc/evaluation.json",)
    faster = found["faster_than_rcnn_five_scales"]
    assert (faster.ours.part, faster.reference.part) == (f"{prefix}_5sc", baseline)


def test_claims_are_about_the_first_column_of_a_paper_number():
    config = settings("config/voc07.yaml")
    config["table9"]["columns"].reverse()
    files = claimed(config)["five_scales"].ours.files
    assert files == (Path("artifacts/voc07/detectors/efficientnet_5sc_150/evaluation.json"),)


def test_without_detectors_of_the_paper_or_transfer_their_claims_are_left_out():
    config = settings(LONG)
    for name in ("spp_1sc", "spp_5sc"):
        config["detectors"][name]["reference"] = None
    del config["transfer"]
    left_out = {name for name, claim in CLAIMS.items() if claim.kind in ("map", "accuracy")}
    speed = {"faster_than_rcnn_one_scale", "faster_than_rcnn_five_scales"}
    assert set(claimed(config)) == set(CLAIMS) - left_out - speed


@pytest.mark.parametrize("file", ["mini", "mini_long", "voc07", "paper"])
def test_results_are_tables_plots_in_two_forms_and_pages_in_one(file):
    config = settings(f"config/{file}.yaml")
    folder, results = config["paths"]["results"], planned(config).results()
    numbers = range(1 if "table1" in config else 2, 10)
    tables = [f"table{number}" for number in numbers] + ["claims", "ablations"]
    plots = [f"learning_curves_{name}" for name in config["classifiers"]["backbones"]]
    pages = ["detections", "view_positions", "responses"]
    assert sorted(results) == sorted(
        [
            *(f"{folder}/{name}.{kind}" for name in tables for kind in ("csv", "json")),
            *(
                f"{folder}/figures/{name}.{kind}"
                for name in (*plots, "error_by_views", "claims")
                for kind in ("png", "svg")
            ),
            *(f"{folder}/figures/{name}.png" for name in pages),
        ]
    )


def test_results_of_sections_that_are_left_out_are_not_asked_for():
    config = settings()
    for name in ("transfer", "responses", "table1", "classifiers", "view_sets", "errors"):
        del config[name]
    config["timing"] = {**config["timing"], "views": None, "training": None}
    assert sorted(planned(config).results()) == [
        *("results/claims.csv", "results/claims.json"),
        *("results/figures/claims.png", "results/figures/claims.svg"),
        "results/figures/detections.png",
        *("results/table9.csv", "results/table9.json"),
    ]
