"""Configurations: the shipped ones hold, wrong ones are refused in one line."""

import copy
from pathlib import Path

import pytest
import yaml

from sppnet.errors import SppnetError
from sppnet.settings import check_settings, json_schema

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [*sorted((ROOT / "config").glob("*.yaml")), ROOT / "tests/workflow/tiny.yaml"]
REMOVED = object()


def load(path=ROOT / "config/mini.yaml"):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configurations_hold(path):
    check_settings(load(path))


def test_the_schema_is_the_generated_one():
    committed = ROOT / "workflow/schemas/config.schema.json"
    assert committed.read_text() == json_schema(), "python -m sppnet.settings > " + str(committed)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("svm.spp.costs", 1, ["svm.spp.costs: no such setting"]),
        ("svm.spp.cost", REMOVED, ["svm.spp.cost: missing"]),
        ("svm.spp.cost", -1, ["svm.spp.cost: ", "greater than 0", "-1"]),
        ("svm.spp.cost", "1e-3", ["svm.spp.cost: ", "valid number", "'1e-3'"]),
        (
            "svm.rcnn.duplicates",
            "cells",
            ["svm.rcnn.duplicates: ", "'overlap' or 'none'", "'cells'"],
        ),
        ("data", REMOVED, ["data: missing"]),
        ("networks.zf5.architecture.levels", [], ["networks.zf5.architecture.levels: "]),
        ("networks.zf5.architecture.mean", [1, 2], ["networks.zf5.architecture.mean: "]),
        ("networks.zf5.training.drops", [0], ["networks.zf5.training.drops.0: "]),
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
    ],
)
def test_a_wrong_setting_is_named_in_one_line(key, value, words):
    config = copy.deepcopy(load())
    *sections, name = key.split(".")
    place = config
    for section in sections:
        place = place[section]
    if value is REMOVED:
        del place[name]
    else:
        place[name] = value
    with pytest.raises(SppnetError) as error:
        check_settings(config)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_an_empty_configuration_is_refused():
    with pytest.raises(SppnetError, match="missing"):
        check_settings({})
