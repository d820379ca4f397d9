"""Table 9 as planned: files, images and settings of every detector's stages."""

from pathlib import Path

import pytest
import yaml

from sppnet.config.settings import check_settings
from sppnet.detect.settings import MapPooling, Subset, Warp
from sppnet.plan.plan import plan_of

ROOT = Path(__file__).resolve().parents[2]
RUN = "artifacts/mini"
SCALES = (377, 453, 541, 679, 943)


def settings(file="config/mini.yaml"):
    """A configuration whose two methods differ wherever they may."""
    config = yaml.safe_load((ROOT / file).read_text())
    config["finetune"]["rcnn"]["seed"] = 7
    config["svm"]["rcnn"]["seed"] = 8
    config["bbox"]["rcnn"]["seed"] = 9
    config["evaluation"] |= {"bootstrap": 900, "seed": 5, "nms": 0.35}
    return config


def planned(config):
    return plan_of(check_settings(config)).detection


@pytest.fixture(scope="module")
def mini():
    return planned(settings())


def test_detectors_are_named_by_method(mini):
    assert mini.named("spp") == ["spp_1sc", "spp_5sc"]
    assert mini.named("rcnn") == ["rcnn"]


def test_features_of_maps_are_by_scale_and_those_of_boxes_by_state(mini):
    """Their commands tell them apart by order alone."""
    assert mini.features("spp_5sc", "test") == [
        f"{RUN}/features/zf5/{scale}/test.npy" for scale in SCALES
    ]
    assert mini.features("rcnn", "trainval") == [
        f"{RUN}/features/rcnn/{state}/trainval.npy" for state in ("pretrained", "finetuned")
    ]


def test_a_state_is_of_the_network_before_or_after_fine_tuning(mini):
    weights = [mini.state_weights("rcnn", state) for state in ("pretrained", "finetuned")]
    assert weights == [
        f"{RUN}/networks/alex5.safetensors",
        f"{RUN}/detectors/rcnn/finetuned.safetensors",
    ]
    assert mini.weights("spp_1sc") == f"{RUN}/networks/zf5.safetensors"


@pytest.mark.parametrize("stage", ["finetuning", "svm", "bbox"])
def test_a_stage_has_the_settings_of_its_method(mini, stage):
    own = {"finetuning": mini.settings.finetune}.get(stage) or getattr(mini.settings, stage)
    assert own.spp != own.rcnn
    for detector, method in (("spp_1sc", own.spp), ("spp_5sc", own.spp), ("rcnn", own.rcnn)):
        assert getattr(mini, stage)(detector)[-1] == method


def test_boxes_are_pooled_on_the_detectors_own_scales_or_warped(mini):
    one, five = (mini.boxes(name) for name in ("spp_1sc", "spp_5sc"))
    assert isinstance(one, MapPooling) and one.scales == (453,) and five.scales == SCALES
    assert isinstance(mini.boxes("rcnn"), Warp)
    for detector in ("spp_1sc", "spp_5sc", "rcnn"):
        assert mini.finetuning(detector)[0] == mini.boxes(detector)
    for stage in (mini.svm, mini.bbox, mini.detection):
        assert stage("spp_1sc")[0] == one and stage("spp_5sc")[0] == five


@pytest.mark.parametrize("detector", ["spp_5sc", "rcnn"])
def test_few_images_hold_for_every_stage_of_a_detector(detector):
    config, few = settings(), Subset(images=20)
    config["detectors"][detector]["images"] = 20
    plan = planned(config)
    for stage in (plan.finetuning, plan.svm, plan.bbox, plan.detection, plan.evaluation):
        assert few in stage(detector), stage
        assert few not in stage("spp_1sc"), stage
    assert (few in plan.region_features("rcnn")) is (detector == "rcnn")


def test_maps_of_few_images_are_those_of_all():
    config = settings()
    config["detectors"]["few"] = {**config["detectors"]["spp_5sc"], "images": 20}
    plan = planned(config)
    assert plan.features("few", "test") == plan.features("spp_5sc", "test")


def compared(baseline, **detectors):
    """Columns that claims are about, and those for accuracy, of pairs (network, images)."""
    config = settings("config/voc07.yaml")
    models = {"spp": config["detectors"]["spp_5sc"], "rcnn": config["detectors"]["rcnn"]}
    config["detectors"] = {
        name: {**models[name.partition("_")[0]], "network": network, "images": images}
        for name, (network, images) in detectors.items()
    }
    config["table9"] = {"columns": list(detectors), "baseline": baseline}
    config["figures"]["detector"] = baseline
    plan = planned(config)
    return plan.compared(), plan.comparable_in_accuracy()


def test_claims_are_about_the_backbone_of_the_baseline_and_accuracy_about_its_images():
    columns = {
        "spp_small": ("squeezenet_spp", None),
        "spp_all": ("efficientnet_spp", None),
        "spp_few": ("efficientnet_spp", 9),
        "spp_fewer": ("efficientnet_spp", 8),
        "rcnn_few": ("efficientnet_spp", 9),
        "rcnn_small": ("squeezenet_crop", 9),
    }
    assert compared("rcnn_few", **columns) == (["spp_all", "spp_few", "spp_fewer"], ["spp_few"])
    assert compared("rcnn_small", **columns) == (["spp_small"], [])


def test_claims_are_about_all_columns_of_spp_where_the_baseline_has_another_backbone():
    columns = {"spp_a": ("zf5_spp", 9), "spp_b": ("squeezenet_spp", 9)}
    assert compared("rcnn", rcnn=("efficientnet_spp", 9), **columns) == (["spp_a", "spp_b"],) * 2


def test_detectors_are_timed_with_their_own_files(mini):
    columns = mini.timed_columns().columns
    assert [column.name for column in columns] == ["spp_1sc", "spp_5sc", "rcnn"]
    for column, network in zip(columns, ("zf5", "zf5", "alex5"), strict=True):
        folder = Path(RUN) / "detectors" / column.name
        assert column.weights == Path(RUN) / f"networks/{network}.safetensors"
        assert column.finetuned == folder / "finetuned.safetensors"
        assert column.svm == folder / "svm.safetensors"
        assert (column.pooling or column.warp) == mini.boxes(column.name)
        assert (column.warp is None) is (column.name != "rcnn")
    assert mini.column_weights() == [str(column.weights) for column in columns]
    for name in ("finetuned", "svm"):
        files = [str(getattr(column, name)) for column in columns]
        assert mini.column_files(f"{name}.safetensors") == files


def test_how_often_is_that_of_detectors_and_not_of_views(mini):
    timing = settings()["timing"]
    assert mini.timing().model_dump(mode="json") == {
        name: timing[name] for name in ("images", "repeats", "batch")
    }


def test_columns_of_the_table_are_in_order_with_their_results(mini):
    columns = [
        (column.name, column.title, column.reference, str(column.evaluation))
        for column in mini.table_columns().columns
    ]
    assert columns == [
        (name, title, reference, f"{RUN}/detectors/{name}/evaluation.json")
        for name, title, reference in (
            ("spp_1sc", "SPP (1-sc) (ZF-5)", "SPP_1sc_ZF5"),
            ("spp_5sc", "SPP (5-sc) (ZF-5)", "SPP_5sc_ZF5"),
            ("rcnn", "R-CNN (Alex-5)", "RCNN_Alex5"),
        )
    ]


def test_speedups_refer_to_the_baseline_and_samples_are_those_of_evaluation(mini):
    groups = [group.model_dump() for group in mini.table()]
    assert groups == [{"baseline": "rcnn"}, {"bootstrap": 900, "seed": 5}]


def test_boxes_that_are_drawn_are_suppressed_as_in_the_evaluation(mini):
    figures = settings()["figures"]
    groups = [group.model_dump() for group in mini.page()]
    assert groups == [{name: figures[name] for name in ("images", "minimum_score")}, {"nms": 0.35}]
    assert mini.drawn_detections() == f"{RUN}/detectors/{figures['detector']}/detections.parquet"
