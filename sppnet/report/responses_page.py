"""Figure 2 of the paper: a page of photographs with the strongest responses of filters."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sppnet.geometry.receptive_field import MapGeometry
from sppnet.report.plotting import save_figure
from sppnet.report.responses import FilterResponses, Response, seen_by

# Inches; letters of 8 points are legible when the page is printed at its own size.
PANEL = 1.3
GAP = 0.05  # between a photograph and its map
SPACE = 0.2  # between two photographs
TITLE = 0.2
LEFT = 0.35
RIGHT = 0.6  # colour bar with its numbers
LINE = 0.15  # of the caption
POINTS = 8
LETTER = 0.65  # mean width of a letter relative to its height
DPI = 150
NAME = 24  # maximum number of letters of an image's name
COLOURS = "inferno"
NUMBER = "%.4g"


def draw_responses(
    path: Path,
    rows: Sequence[FilterResponses],
    *,
    geometry: MapGeometry,
    field: int,
    caption: str,
) -> None:
    """Draw a row per filter: photographs with the strongest cell's receptive field, and the maps.

    The colours of a row go from 0 to the filter's strongest response.

    Args:
        path: the page to write.
        rows: filters in reading order, all with the same number of responses.
        geometry: stride and first centre of the cells.
        field: side of the receptive field in pixels.
        caption: text above the panels.
    """
    across = len(rows[0].responses)
    width = LEFT + across * (2 * PANEL + GAP + SPACE) + RIGHT
    lines = textwrap.wrap(caption, int((width - LEFT) * 72 / (POINTS * LETTER)))
    heights = [_height(row) for row in rows]
    total = LINE * (len(lines) + 1) + sum(TITLE + height for height in heights)
    figure = Figure(figsize=(width, total), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.text(
        LEFT / width,
        1 - LINE / 2 / total,
        "\n".join(lines),
        fontsize=POINTS,
        verticalalignment="top",
    )
    top = total - LINE * (len(lines) + 0.5)
    for row, height in zip(rows, heights, strict=True):
        top -= TITLE + height
        _draw_row(figure, row, (top, height), geometry, field)
    save_figure(figure, [path])


def _height(row: FilterResponses) -> float:
    """Inches for the tallest of the photographs at full width, no more than a square."""
    tallest: float = max(
        response.image.shape[0] / response.image.shape[1] for response in row.responses
    )
    return PANEL * min(1.0, tallest)


def _draw_row(
    figure: Figure,
    row: FilterResponses,
    extent: tuple[float, float],
    geometry: MapGeometry,
    field: int,
) -> None:
    bottom, height = extent
    norm = Normalize(0, max(response.peak for response in row.responses))
    left = LEFT
    for response in row.responses:
        photograph = _axes(figure, left, bottom, PANEL, height)
        shape = response.image.shape
        photograph_width = min(PANEL, height * shape[1] / shape[0])
        heat = _axes(figure, left + photograph_width + GAP, bottom, PANEL, height)
        _draw_photograph(photograph, response, geometry, field)
        _draw_map(heat, response, geometry, norm)
        left += 2 * PANEL + GAP + SPACE
    width = figure.get_figwidth()
    figure.text(
        0.6 * LEFT / width,
        (bottom + height / 2) / figure.get_figheight(),
        f"filter {row.channel}",
        fontsize=POINTS,
        rotation="vertical",
        horizontalalignment="center",
        verticalalignment="center",
    )
    bar = _axes(figure, left - SPACE / 2, bottom, 0.08, height)
    figure.colorbar(ScalarMappable(norm, COLOURS), cax=bar, ticks=[0, norm.vmax], format=NUMBER)
    bar.tick_params(labelsize=POINTS - 1)


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a position given in inches."""
    page = figure.get_figwidth(), figure.get_figheight()
    return figure.add_axes((left / page[0], bottom / page[1], width / page[0], height / page[1]))


def _draw_photograph(axis: Axes, response: Response, geometry: MapGeometry, field: int) -> None:
    height, width = response.image.shape[:2]
    axis.imshow(response.image, interpolation="bilinear")
    _frame(axis, height, width)
    _rectangle(axis, seen_by(response.cell, geometry, field, (height, width)))
    name = response.name if len(response.name) <= NAME else f"…{response.name[-NAME + 1 :]}"
    title = f"{name}: {NUMBER % response.peak}"
    axis.set_title(title, fontsize=POINTS, loc="left", pad=2)


def _draw_map(axis: Axes, response: Response, geometry: MapGeometry, norm: Normalize) -> None:
    """The map in the frame of its photograph: each cell lies around its centre."""
    rows, columns = response.values.shape
    start = geometry.offset - geometry.stride / 2
    right, bottom = start + columns * geometry.stride, start + rows * geometry.stride
    axis.imshow(
        response.values,
        cmap=COLOURS,
        norm=norm,
        extent=(start, right, bottom, start),
        interpolation="nearest",
    )
    axis.set_facecolor("0.85")  # the margin without centres of cells
    _frame(axis, *response.image.shape[:2])


def _frame(axis: Axes, height: int, width: int) -> None:
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[], anchor="NW")


def _rectangle(axis: Axes, box: tuple[float, float, float, float]) -> None:
    x1, y1, x2, y2 = box
    for colour, thickness in (("black", 2.4), ("yellow", 1.2)):  # visible on any picture
        axis.add_patch(
            Rectangle(
                # pixel centres lie on whole numbers: pixel 0 starts at -0.5
                (x1 - 0.5, y1 - 0.5),
                x2 - x1,
                y2 - y1,
                fill=False,
                edgecolor=colour,
                linewidth=thickness,
            )
        )
