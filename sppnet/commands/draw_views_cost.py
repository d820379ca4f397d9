"""draw-views-cost: errors by the number of views and by the time that they take."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
from typer import Option

from sppnet.data.store import read_json
from sppnet.errors import SppnetError
from sppnet.report.views_cost import Point, draw_views_cost


def run(
    point: Annotated[
        list[str],
        Option(
            help="A choice of views as JSON: series, label, files (metrics of classify, one per "
            "seed). Once per point, along the line of its series."
        ),
    ],
    png: Annotated[Path, Option(help="The figure (.png).")],
    svg: Annotated[Path, Option(help="The figure (.svg).")],
) -> None:
    """Draw the top-1 error of choices of views against their number and their time.

    Of several seeds, error, time and the ends of the interval are means.
    """
    draw_views_cost([png, svg], [read_point(text) for text in point])


def read_point(text: str) -> Point:
    """A point from its JSON and its files.

    Raises:
        SppnetError: not JSON, no files, or a file without the numbers.
    """
    try:
        values = json.loads(text)
        series, label = str(values["series"]), str(values["label"])
        files = [Path(each) for each in values["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SppnetError(
            f"--point: {text!r} is not the JSON of a point ({error!r}); give series, label, files"
        ) from None
    if not files:
        raise SppnetError(f"--point: {text!r} has no files; name at least one")
    wrong, low, high, views, time = np.mean([_numbers(path) for path in files], axis=0).tolist()
    return Point(series, label, views, time, 100 * wrong, 100 * low, 100 * high)


def _numbers(path: Path) -> tuple[float, float, float, float, float]:
    report = read_json(path)
    try:
        top1 = report["top1"]
        return top1["error"], top1["low"], top1["high"], report["views"], report["milliseconds"]
    except (KeyError, TypeError) as error:
        raise SppnetError(f"{path}: has no {error}; run classify anew") from None
