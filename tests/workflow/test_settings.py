"""Configurations: the shipped ones hold, wrong ones are refused in one line."""

import copy
from pathlib import Path
from typing import get_args

import pytest
import yaml
from tiny import imported_only

from sppnet.config.settings import check_settings, json_schema
from sppnet.errors import SppnetError
from sppnet.models.backbones import BACKBONES
from sppnet.models.settings import Chain
from sppnet.plan.plan import plan_of
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.reference import read_paper_rows, read_reference

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = sorted((ROOT / "config").glob("*.yaml"))
SHIPPED = [*CONFIGURATIONS, ROOT / "tests/workflow/tiny.yaml"]
REFERENCE = ROOT / "sppnet/report/reference.csv"
REMOVED = object()
BACKBONE = {"title": "a backbone", "reference": None, "width": 1, "epochs": 2}


def load(path=ROOT / "config/mini.yaml"):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configurations_hold(path):
    check_settings(load(path))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configurations_choose_nothing_on_images_that_are_tested_on(path):
    """What could be chosen: snapshots, when a rate drops, sizes of images, columns, layers."""
    config = load(path)
    assert (config["data"]["trainval"], config["data"]["test"]) == ("trainval", "test")
    for method, tuning in config["finetune"].items():
        assert 0.05 <= tuning["holdout"] <= 0.5, f"finetune.{method}.holdout"
    recipes = {name: network["training"] for name, network in config["networks"].items()}
    for name, recipe in (*recipes.items(), ("classifiers", config["classifiers"]["training"])):
        assert (recipe["plateau"] is None) == (recipe["holdout"] is None), name
        assert recipe["holdout"] is None or recipe["milestones"] == [], name
    transfer = config["transfer"]
    assert 0.1 <= transfer["table6"]["holdout"] <= 0.5
    assert all(len(column["sizes"]) == 1 for column in transfer["table7"]["columns"].values())


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_what_the_paper_chose_is_chosen_anew_or_named_beforehand(path):
    """Its 392 pixels by held-out images; of Table 8 the layers of its best numbers."""
    transfer = load(path)["transfer"]
    columns = transfer["table6"]["columns"].values()
    several = [each["reference"] for each in columns if len(each["sizes"]) > 1]
    assert set(several) == {"d_SPP_ZF5_full392"}
    assert [transfer["table8"][f"{name}_layer"] for name in ("voc07", "caltech101")] == [
        "fc7",
        "spp",
    ]


@pytest.mark.parametrize("name", ["mini.yaml", "mini_long.yaml", "paper.yaml"])
def test_table_8_shows_the_columns_whose_numbers_the_paper_repeats_there(name):
    transfer = load(ROOT / "config" / name)["transfer"]
    (ours,) = (row.texts for row in read_paper_rows(REFERENCE, 8) if row.name == "ours")
    for number, key, row in ((6, "voc07", "fc7/9"), (7, "caltech101", "SPP_pool5/7")):
        column = transfer[f"table{number}"]["columns"][transfer["table8"][key]]["reference"]
        key_of_number = PaperNumber(table=number, row=row, column=column)
        printed = read_reference(REFERENCE, number)[key_of_number].value
        assert printed == float(ours[key].partition("+-")[0])


def test_the_schema_is_the_generated_one():
    committed = ROOT / "workflow/schemas/config.schema.json"
    assert committed.read_text() == json_schema(), "python -m sppnet.config.settings > " + str(
        committed
    )


@pytest.mark.parametrize("path", ["a/c1", "a/c1/", "./a/c1", "a//c1"])
def test_a_folder_has_one_spelling(path):
    config = load()
    del config["scenes"]
    config["paths"]["artifacts"] = path
    assert check_settings(config).paths.artifacts == "a/c1"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("svm.spp.costs", 1, ["svm.spp.costs: no such setting"]),
        ("svm.spp.cost", REMOVED, ["svm.spp.cost: missing"]),
        ("svm.spp.cost", -1, ["svm.spp.cost: ", "greater than 0", "-1"]),
        ("svm.spp.cost", "1e-3", ["svm.spp.cost: ", "valid number", "'1e-3'", "write 1.0e-3"]),
        ("data.voc", "data/VOC", ["scenes: given together with data.voc: data/VOC; remove scenes"]),
        ("data.image_folder", "data/mine", ["scenes: given together with data.image_folder"]),
        ("transfer.table7.root", "data/c", ["scenes: given together with transfer.table7.root"]),
        (
            "svm.rcnn.duplicates",
            "cells",
            ["svm.rcnn.duplicates: ", "'overlap' or 'none'", "'cells'"],
        ),
        ("finetune.spp.holdout", 1, ["finetune.spp.holdout: ", "less than 1"]),
        ("finetune.rcnn", REMOVED, ["finetune.rcnn: missing, and detectors.rcnn needs it"]),
        ("svm.rcnn", None, ["svm.rcnn: missing, and detectors.rcnn needs it; add it as in"]),
        ("bbox.spp", REMOVED, ["bbox.spp: missing, and detectors.spp_1sc needs it"]),
        ("data", REMOVED, ["data: missing"]),
        # what may be null must be said, too
        ("data.imagenet", REMOVED, ["data.imagenet: missing"]),
        ("networks.zf5.training.plateau", REMOVED, ["networks.zf5.training.plateau: missing"]),
        ("detectors.rcnn.images", REMOVED, ["detectors.rcnn.images: missing"]),
        ("finetune.rcnn.milestones", REMOVED, ["finetune.rcnn.milestones: missing"]),
        ("finetune.rcnn.milestones", [], ["finetune.rcnn.milestones: ", "at least 1 item"]),
        ("view_sets.one_full.scales", REMOVED, ["view_sets.one_full.scales: missing"]),
        ("transfer.table6.columns.c.crop", REMOVED, ["transfer.table6.columns.c.crop: missing"]),
        ("paths.artifacts", "./", ["paths.artifacts: ", "no plain path"]),
        ("paths.results", "", ["paths.results: ", "no plain path"]),
        ("paths.results", "{results}", ["paths.results: ", "no plain path"]),
        ("paths.results", "artifacts/mini/tables", ["paths.results: ", "lies in the artifacts"]),
        ("data.test", "trainval", ["data.test: trainval", "other images"]),
        ("networks.zf5.architecture.levels", [], ["networks.zf5.architecture.levels: "]),
        ("networks.zf5.architecture.mean", [1, 2], ["networks.zf5.architecture.mean.2: missing"]),
        ("networks.zf5.training.milestones", [0], ["networks.zf5.training.milestones.0: "]),
        ("detectors.spp_1sc.network", "zf6", ["detectors.spp_1sc.network", "zf6", "alex5"]),
        ("detectors.spp_1sc.target", "big", ["detectors.spp_1sc.target: "]),
        ("detectors.spp_1sc.crop", 115, ["detectors.spp_1sc.crop: no such setting"]),
        ("detectors.rcnn.context", REMOVED, ["detectors.rcnn.context: missing"]),
        ("detectors.rcnn.method", "fast", ["detectors.rcnn", "'spp', 'rcnn'"]),
        ("table9.columns", ["rcnn", "none"], ["table9.columns.1", "'none'"]),
        ("table9.baseline", "spp_9sc", ["table9.baseline", "'spp_9sc'"]),
        ("table9.columns", ["spp_1sc"], ["table9.baseline"]),
        ("figures.detector", "none", ["figures.detector", "'none'"]),
        ("scenes.quality", 101, ["scenes.quality: "]),
        ("scenes.aspects", [1.6, 1.0], ["scenes.aspects: [1.6, 1.0]", "lowest value first"]),
        ("scenes.detection_objects", [0, 4], ["scenes.detection_objects.0: ", "1, not 0"]),
        ("detectors.rcnn.context", 90, ["detectors.rcnn.context: 90 pixels", "crop 179"]),
        ("evaluation.bootstrap", 0, ["evaluation.bootstrap: ", "greater than or equal to 1"]),
        ("networks.zf5.training.crop", 201, ["networks.zf5.training.crop: 201", "resize 200"]),
        ("networks.zf5.training.plateau", 5, ["networks.zf5.training.plateau: ", "milestones"]),
        ("classifiers.training.milestones", [3], ["classifiers.training.plateau: ", "steps"]),
        ("classifiers.training.dropout", 1, ["classifiers.training.dropout: ", "less than 1"]),
        ("classifiers.training.crop", 201, ["classifiers.training.crop: 201", "resize 200"]),
        ("classifiers.training.plateau", 5, ["classifiers.training.plateau: ", "milestones"]),
        ("classifiers.backbones.zf6", BACKBONE, ["classifiers.backbones.zf6: ", "'squeezenet'"]),
        ("table1.backbones", ["zf5", "zf6"], ["table1.backbones.1: ", "'overfeat5'", "'zf6'"]),
        ("view_sets.six_scales.window", 177, ["view_sets.six_scales.window: 177", "scale 176"]),
        ("view_sets.one_full.full", None, ["view_sets.one_full.full: no view"]),
        ("errors.table2.view_set", "no_spp", ["errors.table2.view_set: ", "'no_spp'", "ten_crops"]),
        ("errors.table2.variants.1", "one_crop", ["errors.table2.variants.1: ", "spp_single"]),
        ("errors.table3.backbones", ["alex5"], ["errors.table3.backbones.0: ", "zf5"]),
        ("errors.table3.variants.multi", "zf5", ["errors.table3.variants.multi: ", "spp_multi"]),
        ("errors.table3.crop", "spp_multi", ["errors.table3.crop: ", "one_crop"]),
        ("errors.table4.backbone", "spp_multi", ["errors.table4.backbone: ", "zf5"]),
        ("errors.table4.views_98", "zf5", ["errors.table4.views_98: ", "six_scales_full"]),
        ("errors.table5.members", [["zf5", "zf5"]], ["errors.table5.members.0: ", "spp_multi"]),
        ("errors.ablations.fewer_bins", "zf5", ["errors.ablations.fewer_bins: ", "spp_30bins"]),
        ("transfer.table6.columns.a.crop", None, ["transfer.table6.columns.a.crop: ", "input"]),
        ("transfer.table6.columns.c.crop", 176, ["transfer.table6.columns.c.crop: ", "full"]),
        ("transfer.table6.columns.a.crop", 177, ["transfer.table6.columns.a.crop: ", "size 176"]),
        ("transfer.table6.columns.a.network", "zf5-one-1", ["columns.a.network: ", "'zf5-one-1'"]),
        (
            "transfer.table7.columns.d.sizes",
            [176, 140],
            ["transfer.table7.columns: d.sizes", "176"],
        ),
        ("transfer.table7.warped", "e", ["transfer.table7.warped: ", "'e'"]),
        ("transfer.table7.warped_beside", "e", ["transfer.table7.warped_beside: ", "'e'"]),
        ("transfer.table7.warped_beside", "warped", ["transfer.table7.warped_beside: "]),
        ("transfer.table7.columns.warped.network", "alex5", ["transfer.table7.warped: alex5 has"]),
        ("transfer.table8.voc07", "f", ["transfer.table8.voc07: ", "'f'", "a, b, c, d, e"]),
        ("transfer.table8.voc07_layer", "fc8", ["transfer.table8.voc07_layer: ", "'fc7'", "'fc8'"]),
        ("transfer.table8.voc07_layer", "conv5", ["transfer.table8.voc07_layer: ", "full images"]),
        ("transfer.table8.caltech101", "e", ["transfer.table8.caltech101: ", "'e'"]),
        ("transfer.table8.caltech101_layer", "fc9", ["transfer.table8.caltech101_layer: ", "fc9"]),
        ("timing.views", REMOVED, ["timing.views", "give all of them"]),
        ("timing.training", REMOVED, ["timing.training", "give all of them"]),
        ("errors", REMOVED, ["errors", "give all of them"]),
        ("timing.training.turns", 0, ["timing.training.turns: ", "greater than or equal to 1"]),
        ("responses.network", "zf5-spp_multi-9", ["responses.network: ", "'zf5-spp_multi-9'"]),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(key, value, words):
    config = copy.deepcopy(load())
    *sections, name = key.split(".")
    place = config
    for section in sections:
        place = place[section]
    name = int(name) if isinstance(place, list) else name
    if value is REMOVED:
        del place[name]
    else:
        place[name] = value
    with pytest.raises(SppnetError) as error:
        check_settings(config)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_the_archives_of_imagenet_lie_where_they_are_drawn():
    config = load(ROOT / "config/rehearsal.yaml")
    config["data"]["imagenet"] = "data/ILSVRC2012"
    with pytest.raises(SppnetError, match=r"scenes: .* data\.imagenet: data/ILSVRC2012; remove"):
        check_settings(config)


def test_a_plateau_and_milestones_are_not_given_together():
    config = load()
    steps = {"annealing": "steps", "milestones": [3], "plateau": 5, "holdout": 0.1}
    config["networks"]["zf5"]["training"] |= steps
    with pytest.raises(SppnetError, match=r"networks\.zf5\.training\.plateau: replaces milestones"):
        check_settings(config)


def test_backbones_in_the_tables_are_those_that_can_be_built():
    assert set(get_args(Chain)) == set(BACKBONES)


def test_another_backbone_than_the_papers_may_be_trained_and_shown():
    config = load()
    config["classifiers"]["backbones"]["alex5"] = BACKBONE
    config["errors"]["table3"]["backbones"].append("alex5")
    check_settings(config)


@pytest.mark.parametrize("method", ["spp", "rcnn"])
def test_a_method_without_a_detector_needs_no_section(method):
    config = load()
    detectors = config["detectors"].items()
    config["detectors"] = {name: d for name, d in detectors if d["method"] != method}
    first = next(iter(config["detectors"]))
    config["table9"] = {"columns": list(config["detectors"]), "baseline": first}
    config["figures"]["detector"] = first
    with_null = copy.deepcopy(config)
    for stage in ("finetune", "svm", "bbox"):
        del config[stage][method]
        with_null[stage][method] = None
    plan = plan_of(check_settings(config)).detection
    assert plan == plan_of(check_settings(with_null)).detection
    for name in config["detectors"]:
        assert all(plan.finetuning(name) + plan.svm(name) + plan.bbox(name))


def test_a_network_whose_layers_are_all_trained_needs_no_section_for_its_backbone():
    config = load()
    with_null = check_settings(config)
    for network in config["networks"].values():
        del network["imported_backbone"]
    assert check_settings(config) == with_null


def test_without_training_of_ones_own_no_images_are_needed_for_it():
    config = imported_only()
    plan = plan_of(check_settings(config))
    assert set(plan.networks.untrained()) == set(config["networks"])
    assert plan.networks.settings.trained_networks == []
    assert "data.image_folder" not in plan.images.problems()


def test_a_network_is_trained_here_or_elsewhere():
    config = imported_only()
    name, network = next(iter(config["networks"].items()))
    del network["imported_backbone"]
    with pytest.raises(SppnetError, match=rf"networks\.{name}\.training: .*imported_backbone"):
        check_settings(config)


def test_networks_that_are_trained_need_images():
    config = load()
    config["data"]["image_folder"] = None
    del config["scenes"]
    with pytest.raises(SppnetError, match="data: give image_folder or imagenet"):
        check_settings(config)


def test_an_empty_configuration_is_refused():
    with pytest.raises(SppnetError, match="missing"):
        check_settings({})
