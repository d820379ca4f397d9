import json

import pytest

from sppnet.commands.draw_views_cost import read_point, run
from sppnet.errors import SppnetError
from sppnet.report.views_cost import Point


def metrics(path, error, milliseconds):
    top1 = {"error": error, "low": error - 0.125, "high": error + 0.125}
    report = {"views": 10.0, "milliseconds": milliseconds, "top1": top1}
    path.write_text(json.dumps(report))
    return str(path)


def test_seeds_are_averaged(tmp_path):
    files = [metrics(tmp_path / "a", 0.25, 10.0), metrics(tmp_path / "b", 0.5, 30.0)]
    found = read_point(json.dumps({"series": "maps", "label": "10 views", "files": files}))
    assert found == Point("maps", "10 views", 10.0, 20.0, 37.5, 25.0, 50.0)


def test_figures_are_written(tmp_path):
    point = {"series": "maps", "label": "10 views", "files": [metrics(tmp_path / "a", 0.3, 10.0)]}
    run([json.dumps(point)], tmp_path / "a.png", tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert "maps" in (tmp_path / "a.svg").read_text()


def test_broken_points_are_named(tmp_path):
    for text in ("{", "[]", '{"series": "a"}', '{"series": "a", "label": "b", "files": []}'):
        with pytest.raises(SppnetError, match="--point"):
            read_point(text)
    path = tmp_path / "a"
    path.write_text('{"views": 3}')
    with pytest.raises(SppnetError, match="has no 'top1'"):
        read_point(json.dumps({"series": "a", "label": "b", "files": [str(path)]}))
