"""The views of an image at every scale, as windows in pixels and as cells of its feature map."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from sppnet.errors import SppnetError
from sppnet.report.plotting import COLOURS, STYLE, WIDTH, new_figure, save_figure


@dataclass(frozen=True)
class ScaleViews:
    """The views at one scale.

    Attributes:
        image: uint8 `(H, W, 3)` RGB, resized.
        windows: `(V, 4)` x1 y1 x2 y2, half-open pixels of the resized image.
        map_size: height and width of the map in cells.
        cells: `(V, 4)` x1 y1 x2 y2, half-open cells, in the order of the windows.
    """

    image: np.ndarray
    windows: np.ndarray
    map_size: tuple[int, int]
    cells: np.ndarray


def draw_view_positions(paths: Sequence[Path], scales: Sequence[ScaleViews], caption: str) -> None:
    """Draw a column per scale: the image with its views above, the cells of its map below.

    Each view has the same colour above and below. Outlines are slightly inset, because views share
    edges.

    Raises:
        SppnetError: there is no scale.
    """
    if not scales:
        raise SppnetError(f"{paths[0]}: no scale to draw; give at least one")
    # Columns are proportional to their images, so that views have the same size in all of them.
    widths = [scale.image.shape[1] for scale in scales]
    tallest = max(scale.image.shape[0] for scale in scales)
    height = 2 * WIDTH * tallest / sum(widths) + 0.9
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = new_figure(height)
        axes = figure.subplots(2, len(scales), squeeze=False, width_ratios=widths)
        for column, scale in enumerate(scales):
            _draw_image(axes[0][column], scale)
            _draw_cells(axes[1][column], scale)
        figure.suptitle(caption, fontsize=8)
        save_figure(figure, paths)


def _draw_image(axis: Axes, scale: ScaleViews) -> None:
    height, width = scale.image.shape[:2]
    axis.imshow(scale.image, extent=(0, width, height, 0), interpolation="bilinear", alpha=0.6)
    _draw_windows(axis, scale.windows, spacing=width / 80)
    count = len(scale.windows)
    axis.set_title(f"{min(height, width)} px\n{count} {'view' if count == 1 else 'views'}")
    _frame(axis, width, height)


def _draw_cells(axis: Axes, scale: ScaleViews) -> None:
    height, width = scale.map_size
    for x in range(width + 1):
        axis.plot([x, x], [0, height], color="0.85", linewidth=0.4)
    for y in range(height + 1):
        axis.plot([0, width], [y, y], color="0.85", linewidth=0.4)
    _draw_windows(axis, scale.cells, spacing=width / 80)
    axis.set_title(f"{width} x {height}\ncells")
    _frame(axis, width, height)


def _draw_windows(axis: Axes, windows: np.ndarray, spacing: float) -> None:
    middle = (len(windows) - 1) / 2
    for index, (x1, y1, x2, y2) in enumerate(windows.tolist()):
        inset = (index - middle) * spacing / 2
        colour = COLOURS[index % len(COLOURS)]
        size = (x2 - x1 - 2 * inset, y2 - y1 - 2 * inset)
        corner = (x1 + inset, y1 + inset)
        dashes = "solid" if index < len(COLOURS) else "dashed"
        axis.add_patch(
            Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=0.9, linestyle=dashes)
        )


def _frame(axis: Axes, width: int, height: int) -> None:
    axis.set_xlim(-0.04 * width, 1.04 * width)
    axis.set_ylim(1.04 * height, -0.04 * height)
    axis.set_aspect("equal")
    axis.set_axis_off()
