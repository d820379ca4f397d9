"""The names that `sppnet` promises to those who use it as a library."""

import inspect
import subprocess
import sys
from importlib import import_module

import pandas as pd
import pytest
import torch

import sppnet

HOMES = {
    "SpatialPyramidPooling": "geometry.pyramid",
    "choose_scale": "geometry.projection",
    "map_geometry": "geometry.receptive_field",
    "non_maximum_suppression": "geometry.boxes",
    "pool_windows": "geometry.pyramid",
    "project_windows": "geometry.projection",
    "voc_average_precision": "detect.average_precision",
}


def test_the_public_names_are_these():
    assert sorted(sppnet.__all__) == sorted(HOMES)


@pytest.mark.parametrize("name", HOMES)
def test_names_lead_to_documented_functions(name):
    found = getattr(sppnet, name)
    assert found is getattr(import_module(f"sppnet.{HOMES[name]}"), name)
    assert inspect.getdoc(found)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="'sppnet' has no attribute 'nothing'"):
        _ = sppnet.nothing


def test_importing_the_package_does_not_import_torch():
    code = "import sys, sppnet; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "defaults"),
    [
        ("SpatialPyramidPooling", {"levels": (6, 3, 2, 1)}),
        ("pool_windows", {}),
        ("project_windows", {}),
        ("choose_scale", {"target": 224}),
        ("voc_average_precision", {"iou": 0.5, "method": "11-point"}),
        ("non_maximum_suppression", {"iou": 0.3}),
    ],
)
def test_defaults_are_those_of_the_paper(call, defaults):
    parameters = inspect.signature(getattr(sppnet, call)).parameters
    found = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    assert found == defaults


def test_the_names_work_together():
    """From a backbone and boxes to pooled windows, by the public names alone."""
    backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 7, 2, 1), torch.nn.MaxPool2d(3, 2))
    boxes = torch.tensor([[10, 10, 60, 50], [0, 0, 100, 80.0]])
    maps = backbone(torch.rand(1, 3, 80, 100)).detach()
    windows = sppnet.project_windows(boxes, sppnet.map_geometry(backbone), maps.shape[2:], 1.0)
    pooled = sppnet.pool_windows(maps[0], windows, (3, 1))
    x1, y1, x2, y2 = windows[0].tolist()
    alone = sppnet.SpatialPyramidPooling((3, 1))(maps[:, :, y1:y2, x1:x2])
    assert torch.equal(pooled[0], alone[0])
    assert sppnet.choose_scale(boxes, 80, (80, 160)).tolist() == [1, 1]


def test_suppressed_detections_are_averaged_by_the_public_names():
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [40, 0, 50, 10]], dtype=torch.float32)
    scores = torch.tensor([3.0, 2.0, 1.0])
    kept = sppnet.non_maximum_suppression(boxes, scores)
    found = pd.DataFrame(boxes[kept].tolist(), columns=["x1", "y1", "x2", "y2"])
    found = found.assign(image="a", score=scores[kept].tolist())
    objects = found.iloc[:1].drop(columns="score").assign(difficult=False)
    result = sppnet.voc_average_precision(found, objects)
    assert result.ap == pytest.approx(1) and result.recall.tolist() == [1, 1]
    assert result.precision.tolist() == [1, 0.5]
