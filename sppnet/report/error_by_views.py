"""Errors against the cost of the views of an image: their number and their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from sppnet.errors import SppnetError
from sppnet.report.plotting import COLOURS, MARKERS, STYLE, new_figure, save_figure

# Offsets of a label from its point, in points; the first that fits is taken.
PLACES = ((5, 4), (-5, 4), (-5, -4), (5, -4), (5, 14), (-5, 14), (-5, -14), (5, -14))
Placed = tuple[tuple[int, int], Bbox]  # a place, and the area that the label covers there
OUTLINE = [withStroke(linewidth=2, foreground="white")]


@dataclass(frozen=True)
class Point:
    """A view set, measured.

    Attributes:
        series: points of one series are joined by a line.
        label: text beside the point.
        views: mean number per image.
        milliseconds: per image.
        error, low, high: top-1 error in % and its 95 % interval.
    """

    series: str
    label: str
    views: float
    milliseconds: float
    error: float
    low: float
    high: float


def draw_error_by_views(paths: Sequence[Path], points: Sequence[Point]) -> None:
    """Draw errors against the number of views and the time per image, on logarithmic axes.

    Args:
        paths: files to write, PNG or SVG by their suffix.
        points: of all series, each in the order of its line.

    Raises:
        SppnetError: there are no points.
    """
    if not points:
        raise SppnetError("--points: nothing to draw; give at least one")
    with matplotlib.rc_context(STYLE):
        figure = new_figure(3.0)
        left, right = figure.subplots(1, 2, sharey=True)
        _cost(left, points, "views", "views per image")
        _cost(right, points, "milliseconds", "time per image (ms)")
        left.set_ylabel("top-1 error (%)")
        # Above the panels, because an interval inside may run through it.
        names = left.get_legend_handles_labels()
        figure.legend(*names, loc="outside upper right", ncols=len(names[1]), frameon=False)
        figure.draw_without_rendering()  # fixes the layout before labels are placed
        figure.set_layout_engine("none")
        for axis, field in ((left, "views"), (right, "milliseconds")):
            _labels(axis, points, field)
        save_figure(figure, paths)


def _cost(axis: Axes, points: Sequence[Point], field: str, label: str) -> None:
    axis.set_xscale("log")
    for index, series in enumerate(dict.fromkeys(point.series for point in points)):
        group = [point for point in points if point.series == series]
        errors = np.array([point.error for point in group])
        low, high = (np.array([getattr(p, end) for p in group]) for end in ("low", "high"))
        costs = [getattr(point, field) for point in group]
        colour = COLOURS[index % len(COLOURS)]
        axis.vlines(costs, low, high, color=colour, linewidth=2.5, alpha=0.2)
        axis.plot(
            costs,
            errors,
            color=colour,
            marker=MARKERS[index % len(MARKERS)],
            markersize=4,
            linewidth=1.2,
            label=series,
        )
    axis.set_xlabel(label)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.margins(x=0.15, y=0.1)


def _labels(axis: Axes, points: Sequence[Point], field: str) -> None:
    """Label each point, clear of points, lines and other labels where there is room."""
    # From the top down, as `_choose` expects them.
    points = sorted(points, key=lambda point: -point.error)
    positions = axis.transData.transform([(getattr(p, field), p.error) for p in points])
    markers = [_around(position, 6) for position in positions]
    taken = list(markers)
    for line in axis.lines:
        corners = axis.transData.transform(line.get_xydata())
        for start, end in pairwise(corners):
            on_line = start + np.linspace(0, 1, 100)[:, None] * (end - start)
            taken += [Bbox.from_bounds(x, y, 0.1, 0.1) for x, y in on_line]
    places = []
    for point, point_marker in zip(points, markers, strict=True):
        # A label close to another point would seem to belong to it.
        others = [
            _around(position, 15)
            for position, marker in zip(positions, markers, strict=True)
            if not marker.overlaps(point_marker)
        ]
        places.append(_free_places(axis, point, field, [*taken, *others]))
    chosen = _choose(markers, places, []) or [candidates[0] for candidates in places]
    for point, (place, _) in zip(points, chosen, strict=True):
        _label(axis, point, field, place)


def _around(position: np.ndarray, reach: int) -> Bbox:
    """A square around a point; with a reach of 6, the area of its marker."""
    x, y = position - reach
    return Bbox.from_bounds(x, y, 2 * reach, 2 * reach)


def _free_places(axis: Axes, point: Point, field: str, obstacles: Sequence[Bbox]) -> list[Placed]:
    """Places of a label inside the panel and clear of obstacles; the first if there are none."""
    candidates = []
    for place in PLACES:
        text = _label(axis, point, field, place)
        candidates.append((place, text.get_window_extent()))
        text.remove()
    free = [
        (place, box)
        for place, box in candidates
        if axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1
        if not any(box.overlaps(other) for other in obstacles)
    ]
    return free or candidates[:1]


def _choose(
    markers: Sequence[Bbox], places: Sequence[Sequence[Placed]], chosen: Sequence[Placed]
) -> Sequence[Placed] | None:
    """A place for each label, clear of the other labels; None if there is no such choice.

    Of two points that almost coincide, the upper one, which comes first, has the upper label.
    """
    index = len(chosen)
    if index == len(markers):
        return chosen
    for place, box in places[index]:
        if all(
            box.y1 <= other.y0 if markers[index].overlaps(marker) else not box.overlaps(other)
            for marker, (_, other) in zip(markers, chosen, strict=False)
        ):
            choice = _choose(markers, places, [*chosen, (place, box)])
            if choice is not None:
                return choice
    return None


def _label(axis: Axes, point: Point, field: str, place: tuple[int, int]) -> Annotation:
    across, up = place
    return axis.annotate(
        point.label,
        (getattr(point, field), point.error),
        xytext=place,
        textcoords="offset points",
        horizontalalignment="left" if across > 0 else "right",
        verticalalignment="bottom" if up > 0 else "top",
        fontsize=7,
        path_effects=OUTLINE,
    )
