import itertools

import pytest
from matplotlib.figure import Figure

from sppnet.errors import SppnetError
from sppnet.report import error_by_views
from sppnet.report.error_by_views import Point, draw_error_by_views

POINTS = [
    Point("crops", "1 crop", 1, 12, 42.0, 40.0, 44.0),
    Point("crops", "10 crops", 10, 90, 38.6, 36.0, 41.0),
    Point("maps", "10 views", 10, 30, 38.7, 36.0, 41.0),
    Point("maps", "96 views", 96, 200, 36.6, 34.0, 39.0),
    Point("maps", "96 + 2 full", 98, 210, 36.4, 34.0, 39.0),
]


@pytest.fixture
def figure(tmp_path, monkeypatch):
    """The figure as it was saved."""
    kept = []
    save = error_by_views.save_figure
    monkeypatch.setattr(
        error_by_views,
        "save_figure",
        lambda figure, paths: (kept.append(figure), save(figure, paths)),
    )
    draw_error_by_views([tmp_path / "a.png"], POINTS)
    assert isinstance(kept[0], Figure)
    return kept[0]


def test_both_panels_show_every_point(figure):
    left, right = figure.axes
    for axis, field in ((left, "views"), (right, "milliseconds")):
        assert axis.get_xscale() == "log"
        drawn = [xy for line in axis.lines for xy in line.get_xydata().tolist()]
        assert drawn == [[getattr(point, field), point.error] for point in POINTS]


def test_no_label_lies_on_another_or_outside(figure):
    for axis in figure.axes:
        boxes = [text.get_window_extent() for text in axis.texts]
        assert {text.get_text() for text in axis.texts} == {point.label for point in POINTS}
        assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]
        assert all(axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1 for box in boxes)


def test_no_label_lies_on_a_line(tmp_path, monkeypatch):
    """Even where errors rise with cost, so that the first places are on the line."""
    kept = []
    monkeypatch.setattr(error_by_views, "save_figure", lambda figure, paths: kept.append(figure))
    rising = [Point("maps", f"{n} views", n, 3 * n, n / 4, n / 5, n / 3) for n in (10, 40, 96)]
    draw_error_by_views([tmp_path / "a.png"], rising)
    for axis in kept[0].axes:
        path = axis.lines[0].get_transform().transform_path(axis.lines[0].get_path())
        for text in axis.texts:
            assert not path.intersects_bbox(text.get_window_extent(), filled=False)


@pytest.mark.parametrize("second", [61.1, 60.9])
def test_of_two_points_at_almost_one_place_the_upper_has_the_upper_label(
    tmp_path, monkeypatch, second
):
    kept = []
    monkeypatch.setattr(error_by_views, "save_figure", lambda figure, paths: kept.append(figure))
    points = [
        Point("maps", "ten on map", 10, 2.3, 52.6, 35.0, 64.0),
        Point("maps", "six scales", 96, 23, 61.0, 37.0, 76.0),
        Point("maps", "six scales full", 98, 24, second, 37.0, 75.0),
    ]
    draw_error_by_views([tmp_path / "a.png"], points)
    for axis in kept[0].axes:
        heights = {text.get_text(): text.get_window_extent().y0 for text in axis.texts}
        assert (heights["six scales full"] > heights["six scales"]) == (second > 61)


def test_no_label_is_beside_the_point_of_another(tmp_path, monkeypatch):
    """Two points of one error, and a line that leaves no place between them."""
    kept = []
    monkeypatch.setattr(error_by_views, "save_figure", lambda figure, paths: kept.append(figure))
    points = [
        Point("crops", "ten crops", 10, 3.05, 52.58, 35.0, 64.0),
        Point("maps", "ten on map", 10, 2.3, 52.58, 35.0, 64.0),
        Point("maps", "six scales", 96, 23, 61.0, 37.0, 76.0),
    ]
    draw_error_by_views([tmp_path / "a.png"], points)
    right = kept[0].axes[1]
    for text in right.texts:
        box = text.get_window_extent().padded(12)
        for point in points:
            spot = right.transData.transform((point.milliseconds, point.error))
            assert text.get_text() == point.label or not box.contains(*spot)


def test_no_interval_runs_through_the_legend(figure):
    (legend,) = figure.legends
    figure.draw_without_rendering()
    assert [text.get_text() for text in legend.texts] == ["crops", "maps"]
    assert not any(legend.get_window_extent().overlaps(axis.bbox) for axis in figure.axes)


def test_text_can_be_read_in_print(figure):
    """The figure is as wide as it is printed."""
    texts = [text for axis in figure.axes for text in (*axis.texts, *axis.get_xticklabels())]
    assert min(text.get_fontsize() for text in texts) >= 7
    assert figure.get_size_inches()[0] == pytest.approx(6.9)


def test_the_same_points_give_the_same_bytes(tmp_path):
    for kind in ("png", "svg"):
        for name in "xy":
            draw_error_by_views([tmp_path / f"{name}.{kind}"], POINTS)
        assert (tmp_path / f"x.{kind}").read_bytes() == (tmp_path / f"y.{kind}").read_bytes()


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(SppnetError, match="--point"):
        draw_error_by_views([tmp_path / "a.png"], [])
