"""Errors by what the views of an image cost: their number, and their time."""

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

# Where a label may go, in points from its point; the first that fits is taken.
PLACES = ((5, 4), (-5, 4), (-5, -4), (5, -4), (5, 14), (-5, 14), (-5, -14), (5, -14))
Placed = tuple[tuple[int, int], Bbox]  # a place, and what the label covers there
OUTLINE = [withStroke(linewidth=2, foreground="white")]


@dataclass(frozen=True)
class Point:
    """A view set, measured.

    Attributes:
        series: points of one series are joined by a line.
        label: what stands beside the point.
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
    """Draw errors by number of views, and by time per image; both axes of cost are logarithmic.

    Args:
        paths: files to write, PNG or SVG by their suffix.
        points: of all series, each in the order of its line.

    Raises:
        SppnetError: no points.
    """
    if not points:
        raise SppnetError("--points: nothing to draw; give at least one")
    with matplotlib.rc_context(STYLE):
        figure = new_figure(3.0)
        left, right = figure.subplots(1, 2, sharey=True)
        _cost(left, points, "views", "views per image")
        _cost(right, points, "milliseconds", "time per image (ms)")
        left.set_ylabel("top-1 error (%)")
        # Above the panels: inside, an interval may run through it.
        names = left.get_legend_handles_labels()
        figure.legend(*names, loc="outside upper right", ncols=len(names[1]), frameon=False)
        figure.draw_without_rendering()  # settles the layout, so that labels find free places
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
    """Write beside each point what it is, clear of points, lines and labels where there is room."""
    # From above, as `_choose` wants them.
    points = sorted(points, key=lambda each: -each.error)
    spots = axis.transData.transform([(getattr(p, field), p.error) for p in points])
    markers = [_around(spot, 6) for spot in spots]
    taken = list(markers)
    for line in axis.lines:
        corners = axis.transData.transform(line.get_xydata())
        for start, end in pairwise(corners):
            on_line = start + np.linspace(0, 1, 100)[:, None] * (end - start)
            taken += [Bbox.from_bounds(x, y, 0.1, 0.1) for x, y in on_line]
    places = []
    for point, own in zip(points, markers, strict=True):
        # A label close to another point would seem to be that one's.
        others = [
            _around(spot, 15)
            for spot, marker in zip(spots, markers, strict=True)
            if not marker.overlaps(own)
        ]
        places.append(_free_places(axis, point, field, [*taken, *others]))
    chosen = _choose(markers, places, []) or [each[0] for each in places]
    for point, (place, _) in zip(points, chosen, strict=True):
        _label(axis, point, field, place)


def _around(spot: np.ndarray, reach: int) -> Bbox:
    """A square around a point; with a reach of 6 what its marker covers."""
    x, y = spot - reach
    return Bbox.from_bounds(x, y, 2 * reach, 2 * reach)


def _free_places(axis: Axes, point: Point, field: str, taken: Sequence[Bbox]) -> list[Placed]:
    """Places of a label inside the panel and clear of what is taken; the first where none is."""
    found = []
    for place in PLACES:
        text = _label(axis, point, field, place)
        found.append((place, text.get_window_extent()))
        text.remove()
    free = [
        (place, box)
        for place, box in found
        if axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1
        if not any(box.overlaps(other) for other in taken)
    ]
    return free or found[:1]


def _choose(
    markers: Sequence[Bbox], places: Sequence[Sequence[Placed]], chosen: Sequence[Placed]
) -> Sequence[Placed] | None:
    """A place for each label, apart from the others; None where they find none.

    Of two points at almost one place the upper, which comes first, has the upper label.
    """
    number = len(chosen)
    if number == len(markers):
        return chosen
    for place, box in places[number]:
        if all(
            box.y1 <= other.y0 if markers[number].overlaps(marker) else not box.overlaps(other)
            for marker, (_, other) in zip(markers, chosen, strict=False)
        ):
            found = _choose(markers, places, [*chosen, (place, box)])
            if found is not None:
                return found
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
