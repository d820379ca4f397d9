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
        assert getattr(mini, stage)(detector)[1] == method


def test_boxes_are_pooled_on_the_detectors_own_scales_or_warped(mini):
    one, five = (mini.boxes(name) for name in ("spp_1sc", "spp_5sc"))
    assert isinstance(one, MapPooling) and one.scales == (453,) and five.scales == SCALES
    assert isinstance(mini.boxes("rcnn"), Warp)
    for detector in ("spp_1sc", "spp_5sc", "rcnn"):
        assert mini.finetuning(detector)[0] == mini.boxes(detector)
    for stage in (mini.svm, mini.bbox, mini.detection):
        assert stage("spp_1sc")[0] == one and stage("spp_5sc")[0] == five


def test_few_images_of_rcnn_hold_for_all_but_its_fine_tuning():
    plan, few = planned(settings("config/voc07.yaml")), Subset(images=20)
    for stage in (plan.svm, plan.bbox, plan.detection, plan.evaluation, plan.region_features):
        assert few in stage("rcnn"), stage
    assert not any(isinstance(group, Subset) for group in plan.finetuning("rcnn"))
    for name in plan.named("spp"):
        assert plan.part(name) == Subset() and plan.evaluation(name)[0] == Subset()


@pytest.mark.parametrize("images", [None, 20])
def test_columns_are_of_the_same_images_if_no_detector_has_fewer(images):
    config = settings()
    config["detectors"]["rcnn"]["images"] = images
    assert planned(config).same_images is (images is None)
    config["table9"] = {"columns": ["spp_1sc", "spp_5sc"], "baseline": "spp_1sc"}
    assert planned(config).same_images  # what is no column does not count


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
