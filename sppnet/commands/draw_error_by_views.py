"""draw-error-by-views: errors against the number of views and the time that they take."""

from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from sppnet.commands.options import Png, Svg
from sppnet.config.requests import read_request
from sppnet.data.store import read_value
from sppnet.report.error_by_views import Point, draw_error_by_views
from sppnet.report.error_tables import error_interval
from sppnet.report.requests import PointRequest, Points
from sppnet.report.scores import read_wrong
from sppnet.statistics.settings import Bootstrap


def run(
    *,
    points: Annotated[
        Path, Parameter(help="View sets and the files of their scores and metrics (.json).")
    ],
    timing: Annotated[Path, Parameter(help="Times from measure-view-speed (.json).")],
    interval: Bootstrap,
    png: Png,
    svg: Svg,
) -> None:
    """Draw the top-1 error of view sets against their number of views and their time.

    Errors and intervals are those of Table 4. Numbers of views are means over the seeds.
    """
    request = read_request(points, Points)
    draw_error_by_views(
        [png, svg], [_measured(point, timing, interval) for point in request.points]
    )


def _measured(point: PointRequest, timing: Path, interval: Bootstrap) -> Point:
    wrong, _ = read_wrong(point.scores, 1)
    low, high = error_interval(wrong, interval)
    views = float(np.mean([read_value(path, "views") for path in point.metrics]))
    milliseconds = 1000 * read_value(timing, "columns", point.view_set, "total", "median")
    error = 100 * float(wrong.mean())
    return Point(point.series, point.label, views, milliseconds, error, low, high)
