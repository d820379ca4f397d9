"""draw-claims: the forest plot of the claims of the paper."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Png, Svg
from sppnet.data.store import read_value
from sppnet.report.forest_plot import draw_forest


def run(
    *,
    claims: Annotated[Path, Parameter(help="Claims from tabulate-claims (.json).")],
    png: Png,
    svg: Svg,
) -> None:
    """Draw our effect and the paper's for every claim, with intervals and verdicts."""
    draw_forest(read_value(claims, "claims"), [png, svg])
