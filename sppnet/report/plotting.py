"""Style of the diagrams, and figure files that are reproducible to the byte."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError

WIDTH = 6.9  # inches: text width of a page, so that font sizes are as in print
DPI = 200
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "sppnet",  # names of clip paths: same figure, same bytes
}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = "osD^vPX"


def new_figure(height: float) -> Figure:
    """A figure of a page's text width and `height` inches; use it inside `STYLE`."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, paths: Sequence[Path]) -> None:
    """Write the figure once for each path, PNG or SVG by its suffix.

    The files contain no date or version, so the same figure gives the same bytes.

    Raises:
        SppnetError: a path has another suffix.
    """
    metadata = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}
    for path in paths:
        if path.suffix not in metadata:
            raise SppnetError(f"{path}: figures are .png or .svg; change the suffix")
        with atomic_path(path) as temporary:
            figure.savefig(
                temporary, format=path.suffix.removeprefix("."), metadata=metadata[path.suffix]
            )
