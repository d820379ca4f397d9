from pathlib import Path

import numpy as np
import pytest

from sppnet.errors import SppnetError
from sppnet.report import view_positions
from sppnet.report.view_positions import ScaleViews, draw_view_positions

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
SCALE = ScaleViews(
    IMAGE,
    np.array([[0, 0, 32, 32], [28, 8, 60, 40]]),
    (4, 6),
    np.array([[0, 0, 3, 3], [3, 1, 6, 4]]),
)


def test_same_figure_same_bytes(tmp_path: Path) -> None:
    files = [[tmp_path / f"{name}.{kind}" for kind in ("png", "svg")] for name in "ab"]
    for paths in files:
        draw_view_positions(paths, [SCALE, SCALE], "Views")
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_every_view_is_drawn_on_image_and_map(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    counts = []
    for views in (1, 2):
        part = ScaleViews(IMAGE, SCALE.windows[:views], (4, 6), SCALE.cells[:views])
        draw_view_positions([path], [part], "Views")
        counts.append(
            path.read_text().count("stroke: #0072b2") + path.read_text().count("stroke: #d55e00")
        )
    assert counts == [2, 4]


def test_one_view_is_no_plural(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(view_positions, "save_figure", lambda figure, paths: kept.append(figure))
    one = ScaleViews(IMAGE, SCALE.windows[:1], (4, 6), SCALE.cells[:1])
    draw_view_positions([], [one, SCALE], "Views")
    assert [axis.get_title() for axis in kept[0].axes[:2]] == ["40 px\n1 view", "40 px\n2 views"]


def test_no_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SppnetError, match="at least one"):
        draw_view_positions([tmp_path / "a.png"], [], "Views")
