import json

import pytest
import torch

from sppnet.commands import tabulate_errors
from sppnet.commands.draw_views_cost import read_point, run
from sppnet.errors import SppnetError
from sppnet.models.weights import save_tensors

IMAGES = 40


@pytest.fixture
def measured(tmp_path):
    """Make the scores and metrics of a network that names so many images wrongly."""

    def make(name, wrong, milliseconds):
        values = torch.tensor([[0.9, 0.1]]).repeat(IMAGES, 1)
        values[:wrong] = torch.tensor([0.1, 0.9])
        scores, metrics = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.json"
        description = {"classes": ["a", "b"], "images": [str(i) for i in range(IMAGES)]}
        tensors = {"scores": values, "labels": torch.zeros(IMAGES, dtype=torch.int64)}
        save_tensors(scores, tensors, {"classification": json.dumps(description)})
        metrics.write_text(json.dumps({"views": 10.0, "milliseconds": milliseconds}))
        return str(scores), str(metrics)

    return make


@pytest.fixture
def point(measured):
    scores, metrics = zip(measured("a", 10, 10.0), measured("b", 20, 30.0), strict=True)
    return {"series": "maps", "label": "10 views", "scores": scores, "metrics": metrics}


def test_errors_and_intervals_are_those_of_the_tables(point, tmp_path):
    found = read_point(json.dumps(point), replicates=200, seed=1)
    assert (found.series, found.label) == ("maps", "10 views")
    assert (found.views, found.milliseconds, found.error) == (10.0, 20.0, 37.5)
    cell = {"row": "ZF-5 | single", "column": "c", "metric": "top1", "reference": None}
    cell["files"] = point["scores"]
    reference, twin = tmp_path / "reference.csv", tmp_path / "table.json"
    reference.write_text("table,row,column,value,origin\n3,a,b,1,deck\n")
    tabulate_errors.run("3", [json.dumps(cell)], reference, 200, 1, tmp_path / "table.csv", twin)
    same = json.loads(twin.read_text())["columns"]["c"]["ZF-5 | single"]
    assert (found.low, found.high) == (same["low"], same["high"])
    assert found.low < 25 and found.high > 50  # the two networks differ


def test_figures_are_written(point, tmp_path):
    run([json.dumps(point)], 100, 1, tmp_path / "a.png", tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert "maps" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize("change", [{"scores": []}, {"metrics": []}, {"metrics": None}])
def test_broken_points_are_named(point, change):
    with pytest.raises(SppnetError, match="--point"):
        read_point(json.dumps(point | change), replicates=10, seed=1)


@pytest.mark.parametrize("text", ["{", "[]", '{"series": "a"}'])
def test_what_is_no_point_is_named(text):
    with pytest.raises(SppnetError, match="--point"):
        read_point(text, replicates=10, seed=1)


def test_metrics_without_times_are_named(point, tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"views": 3}')
    with pytest.raises(SppnetError, match="has no 'milliseconds'"):
        read_point(json.dumps(point | {"metrics": [str(path)]}), replicates=10, seed=1)
