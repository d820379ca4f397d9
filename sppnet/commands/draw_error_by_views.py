"""draw-error-by-views: errors by the number of views and by the time that they take."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
from typer import Option

from sppnet.data.store import read_value
from sppnet.errors import SppnetError
from sppnet.report.error_by_views import Point, draw_error_by_views
from sppnet.report.error_tables import error_interval
from sppnet.report.scores import read_wrong


def run(
    point: Annotated[
        list[str],
        Option(
            help="A view set as JSON: series, label, view_set (its name in the times), "
            "scores and metrics (what classify wrote, a file per seed each). Once per point, "
            "along the line of its series."
        ),
    ],
    timing: Annotated[Path, Option(help="Times of measure-view-speed.")],
    bootstrap: Annotated[int, Option(help="Samples behind each interval.", min=1)],
    seed: Annotated[int, Option(help="Seed of the samples.")],
    png: Annotated[Path, Option(help="The figure (.png).")],
    svg: Annotated[Path, Option(help="The figure (.svg).")],
) -> None:
    """Draw the top-1 error of view sets against their number and their time.

    Errors and intervals are those of Table 4; of several seeds, numbers of views are means.
    """
    points = [read_point(text, timing, replicates=bootstrap, seed=seed) for text in point]
    draw_error_by_views([png, svg], points)


def read_point(text: str, timing: Path, *, replicates: int, seed: int) -> Point:
    """A point from its JSON and its files.

    Args:
        text: the JSON.
        timing: times of measure-view-speed.
        replicates: bootstrap samples behind the interval.
        seed: of the samples.

    Raises:
        SppnetError: not JSON, no files, or a file without the numbers.
    """
    try:
        values = json.loads(text)
        series, label, view_set = (str(values[name]) for name in ("series", "label", "view_set"))
        scores, metrics = ([Path(each) for each in values[name]] for name in ("scores", "metrics"))
    except (ValueError, KeyError, TypeError) as error:
        raise SppnetError(
            f"--point: {text!r} is not the JSON of a point ({error!r}); "
            "give series, label, view_set, scores, metrics"
        ) from None
    if not scores or not metrics:
        raise SppnetError(f"--point: {text!r} has no files; name at least one of each kind")
    wrong, _ = read_wrong(scores, 1)
    low, high = error_interval(wrong, replicates=replicates, seed=seed)
    views = float(np.mean([read_value(path, "views") for path in metrics]))
    milliseconds = 1000 * read_value(timing, "columns", view_set, "total", "median")
    return Point(series, label, views, milliseconds, 100 * float(wrong.mean()), low, high)
