"""Forest plot of the claims: our effects with their intervals, beside the paper's."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sppnet.errors import SppnetError
from sppnet.report.plotting import STYLE, new_figure, save_figure
from sppnet.report.verdicts import CONTRADICTED, NO_DIFFERENCE, NO_RATIO, REPRODUCED

Row = Mapping[str, Any]
ROW_HEIGHT = 0.27  # inches
MARGINS = 1.1  # inches: axes, legend
LINE = 46  # characters of a claim's text
COLOURS = {REPRODUCED: "#0072b2", CONTRADICTED: "#d55e00"}
NEITHER = "#555555"
# The quantity on the axis, and its unit in the table of claims.
PANELS = {"points": "effect (percentage points)", "x": "ratio of times"}


def draw_forest(rows: Sequence[Row], paths: Sequence[Path]) -> None:
    """Draw all claims, differences above ratios.

    The verdict stands on the right. A band marks the effects that count as no difference.

    Args:
        rows: lines of the table of claims, as in its JSON metadata.
        paths: PNG or SVG files to write.

    Raises:
        SppnetError: there are no claims, or a path has another suffix.
    """
    panels = {unit: [row for row in rows if row["unit"] == unit] for unit in PANELS}
    panels = {unit: group for unit, group in panels.items() if group}
    if not panels:
        raise SppnetError("--claims: no claims to draw; run tabulate-claims again")
    with matplotlib.rc_context(STYLE):
        figure = new_figure(ROW_HEIGHT * len(rows) + MARGINS)
        heights = [len(group) for group in panels.values()]
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights).ravel()
        for axis, (unit, group) in zip(axes, panels.items(), strict=True):
            _panel(axis, group, unit)
        figure.legend(handles=_legend(), loc="outside upper center", ncols=4, frameon=False)
        save_figure(figure, paths)


def _panel(axis: Axes, rows: Sequence[Row], unit: str) -> None:
    is_ratio = unit == "x"
    if is_ratio:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_locator(NullLocator())
    limits = (1 / NO_RATIO, NO_RATIO) if is_ratio else (-NO_DIFFERENCE, NO_DIFFERENCE)
    axis.axvspan(*limits, color="0.93", linewidth=0)
    axis.axvline(1 if is_ratio else 0, color="0.4", linewidth=0.8)
    for position, row in enumerate(rows):
        _row(axis, position, row)
    axis.set_xlabel(PANELS[unit])
    axis.grid(visible=False, axis="y")
    positions = range(len(rows))
    axis.set_yticks(positions, [_wrapped(row["text"]) for row in rows], fontsize=6.5)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    verdicts = axis.twinx()
    verdicts.set_ylim(axis.get_ylim())
    verdicts.set_yticks(positions, [_wrapped(row["verdict"], 20) for row in rows], fontsize=6.5)
    verdicts.grid(visible=False)
    for label, row in zip(verdicts.get_yticklabels(), rows, strict=True):
        label.set_color(_colour(row))
    for side in (axis, verdicts):
        side.tick_params(axis="y", length=0)
        side.spines["left"].set_visible(False)


def _row(axis: Axes, position: int, row: Row) -> None:
    colour = _colour(row)
    if row["networks_low"] is not None:
        ends = row["networks_low"], row["networks_high"]
        axis.hlines(position, *ends, color=colour, linewidth=5, alpha=0.25)
    if row["low"] is not None:
        axis.hlines(position, row["low"], row["high"], color=colour, linewidth=1.2)
    if row["ours"] is not None:
        axis.plot(row["ours"], position, marker="o", markersize=4, color=colour, linestyle="none")
    if row["paper"] is not None and math.isfinite(row["paper"]):
        axis.plot(row["paper"], position, **_PAPER)


_PAPER: dict[str, Any] = {
    "marker": "D",
    "markersize": 4.5,
    "markerfacecolor": "none",
    "markeredgecolor": "black",
    "markeredgewidth": 0.8,
    "linestyle": "none",
}


def _colour(row: Row) -> str:
    return COLOURS.get(row["verdict"], NEITHER)


def _wrapped(text: str, width: int = LINE) -> str:
    return "\n".join(textwrap.wrap(text, width))


def _legend() -> list[Line2D]:
    ours = Line2D([], [], color=NEITHER, marker="o", markersize=4, linestyle="none", label="ours")
    interval = Line2D([], [], color=NEITHER, linewidth=1.2, label="95 %, images and networks")
    networks = Line2D([], [], color=NEITHER, linewidth=5, alpha=0.25, label="95 %, networks")
    paper = Line2D([], [], **_PAPER, label="paper")
    return [ours, interval, networks, paper]
