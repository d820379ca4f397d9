import json

import pytest
import torch

from sppnet.commands import tabulate_errors
from sppnet.commands.draw_error_by_views import read_point, run
from sppnet.errors import SppnetError
from sppnet.models.weights import save_tensors

IMAGES = 40


@pytest.fixture
def measured(tmp_path):
    """Make the scores and metrics of a network that names so many images wrongly."""

    def make(name, wrong, views):
        values = torch.tensor([[0.9, 0.1]]).repeat(IMAGES, 1)
        values[:wrong] = torch.tensor([0.1, 0.9])
        scores, metrics = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.json"
        description = {"classes": ["a", "b"], "images": [str(i) for i in range(IMAGES)]}
        tensors = {"scores": values, "labels": torch.zeros(IMAGES, dtype=torch.int64)}
        save_tensors(scores, tensors, {"classification": json.dumps(description)})
        metrics.write_text(json.dumps({"views": views}))
        return str(scores), str(metrics)

    return make


@pytest.fixture
def point(measured):
    scores, metrics = zip(measured("a", 10, 9.0), measured("b", 20, 11.0), strict=True)
    names = {"series": "maps", "label": "10 views", "view_set": "ten"}
    return names | {"scores": scores, "metrics": metrics}


@pytest.fixture
def timing(tmp_path):
    path, medians = tmp_path / "timing.json", {"ten": 0.02, "more": 0.05}
    columns = {name: {"total": {"median": median}} for name, median in medians.items()}
    path.write_text(json.dumps({"columns": columns}))
    return path


def test_errors_and_intervals_are_those_of_the_tables(point, timing, tmp_path):
    found = read_point(json.dumps(point), timing, replicates=200, seed=1)
    assert (found.series, found.label) == ("maps", "10 views")
    assert (found.views, found.milliseconds, found.error) == (10.0, 20.0, 37.5)
    more = read_point(json.dumps(point | {"view_set": "more"}), timing, replicates=200, seed=1)
    assert more.milliseconds == 50.0
    cell = {"row": "ZF-5 | single", "column": "c", "metric": "top1", "reference": None}
    cell["files"] = point["scores"]
    reference, metadata = tmp_path / "reference.csv", tmp_path / "table.json"
    reference.write_text("table,row,column,value,origin\n3,a,b,1,deck\n")
    tabulate_errors.run(
        "3", [json.dumps(cell)], reference, 200, 1, tmp_path / "table.csv", metadata
    )
    same = json.loads(metadata.read_text())["columns"]["c"]["ZF-5 | single"]
    assert (found.low, found.high) == (same["low"], same["high"])
    assert found.low < 25 and found.high > 50  # the two networks differ


def test_figures_are_written(point, timing, tmp_path):
    run([json.dumps(point)], timing, 100, 1, tmp_path / "a.png", tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert "maps" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize("change", [{"scores": []}, {"metrics": []}, {"metrics": None}])
def test_broken_points_are_named(point, timing, change):
    with pytest.raises(SppnetError, match="--point"):
        read_point(json.dumps(point | change), timing, replicates=10, seed=1)


@pytest.mark.parametrize("text", ["{", "[]", '{"series": "a"}'])
def test_what_is_no_point_is_named(timing, text):
    with pytest.raises(SppnetError, match="--point"):
        read_point(text, timing, replicates=10, seed=1)


@pytest.mark.parametrize("lost", ["views", "columns.ten.total.median"])
def test_files_without_the_numbers_are_named(point, timing, tmp_path, lost):
    path = timing if lost != "views" else tmp_path / "a.json"
    path.write_text('{"columns": {"other": 1}}')
    with pytest.raises(SppnetError, match=rf"{path.name}: has no {lost}"):
        read_point(json.dumps(point), timing, replicates=10, seed=1)
