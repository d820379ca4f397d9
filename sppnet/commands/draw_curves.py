"""draw-curves: training and validation errors by epoch."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Png, Svg
from sppnet.config.requests import read_request
from sppnet.report.curves import draw_curves, read_history
from sppnet.report.requests import Curves


def run(
    *,
    curves: Annotated[
        Path, Parameter(help="Training variants and the files of their histories (.json).")
    ],
    png: Png,
    svg: Svg,
) -> None:
    """Draw the learning curves of several training variants, with their means over seeds."""
    variants = read_request(curves, Curves).variants
    histories = {variant.name: list(map(read_history, variant.files)) for variant in variants}
    draw_curves([png, svg], histories)
