import json

import pytest
import torch

from sppnet.cli import run
from sppnet.commands import draw_error_by_views
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


def draw(folder, timing, *points):
    """Write the request and run the command."""
    (folder / "points.json").write_text(json.dumps({"points": points}))
    words = f"""--points {folder}/points.json --timing {timing} --bootstrap 200 --seed 1
        --png {folder}/a.png --svg {folder}/a.svg"""
    run(["draw-error-by-views", *words.split()])


def test_errors_and_intervals_are_those_of_the_tables(point, timing, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        draw_error_by_views, "draw_error_by_views", lambda paths, points: drawn.extend(points)
    )
    draw(tmp_path, timing, point, point | {"view_set": "more"})
    first, more = drawn
    assert (first.series, first.label) == ("maps", "10 views")
    assert (first.views, first.milliseconds, first.error) == (10.0, 20.0, 37.5)
    assert more.milliseconds == 50.0
    cell = {"row": "ZF-5 | single", "column": "c", "metric": "top1", "paper": None}
    cells = {"table": "3", "cells": [cell | {"files": point["scores"]}]}
    (tmp_path / "cells.json").write_text(json.dumps(cells))
    (tmp_path / "reference.csv").write_text("table,row,column,value,origin\n3,a,b,1,deck\n")
    words = f"""--cells {tmp_path}/cells.json --reference {tmp_path}/reference.csv
        --bootstrap 200 --seed 1 --csv {tmp_path}/table.csv --json {tmp_path}/table.json"""
    run(["tabulate-errors", *words.split()])
    same = json.loads((tmp_path / "table.json").read_text())["columns"]["c"]["ZF-5 | single"]
    assert (first.low, first.high) == (same["low"], same["high"])
    assert first.low < 25 and first.high > 50  # the two networks differ


def test_figures_are_written(point, timing, tmp_path):
    draw(tmp_path, timing, point)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert "maps" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    "change", [{"scores": []}, {"metrics": []}, {"metrics": None}, {"series": 1}]
)
def test_unfit_points_are_named(point, timing, tmp_path, change):
    (key,) = change
    with pytest.raises(SppnetError, match=rf"points\.json: points\.0\.{key}: "):
        draw(tmp_path, timing, point | change)


@pytest.mark.parametrize("lost", ["views", "columns.ten.total.median"])
def test_files_without_the_numbers_are_named(point, timing, tmp_path, lost):
    path = timing if lost != "views" else tmp_path / "a.json"
    path.write_text('{"columns": {"other": 1}}')
    with pytest.raises(SppnetError, match=rf"{path.name}: has no {lost}"):
        draw(tmp_path, timing, point)
