"""Pages of photographs with detections drawn on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sppnet.errors import SppnetError
from sppnet.report.plotting import save_figure

ACROSS = 4  # photographs in a row of the page
SIDE = 3.2  # inches per photograph
DPI = 110


@dataclass(frozen=True)
class Drawn:
    """A box on a photograph: x1 y1 x2 y2 in pixels, class, and score (None for an object)."""

    box: tuple[float, float, float, float]
    class_name: str
    score: float | None = None


@dataclass(frozen=True)
class Photograph:
    """A photograph, uint8 (H, W, 3) RGB, with its name and boxes, the highest score last."""

    name: str
    image: np.ndarray
    boxes: Sequence[Drawn]


def draw_page(path: Path, photographs: Sequence[Photograph], classes: Sequence[str]) -> None:
    """Draw photographs in rows, with detections in the class colour and objects thin and dashed.

    Args:
        path: the PNG to write.
        photographs: in reading order.
        classes: all class names; a class has the same colour on every page.

    Raises:
        SppnetError: there are no photographs.
    """
    if not photographs:
        raise SppnetError(f"{path}: no images to draw; set figures.images to at least 1")
    rows = -(-len(photographs) // ACROSS)
    columns = min(ACROSS, len(photographs))
    figure = Figure(figsize=(SIDE * columns, SIDE * rows), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    colours = class_colours(classes)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for index, axis in enumerate(axes):
        axis.set_axis_off()
        if index < len(photographs):
            _draw_photograph(axis, photographs[index], colours)
    save_figure(figure, [path])


def class_colours(classes: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """A colour per class, RGB in 0..1, with evenly spaced hues."""
    hues = np.arange(len(classes)) / max(1, len(classes))
    rgb = matplotlib.colormaps["hsv"](hues)[:, :3] * 0.85
    return {
        name: (float(red), float(green), float(blue))
        for name, (red, green, blue) in zip(sorted(classes), rgb, strict=True)
    }


def _draw_photograph(
    axis: Axes, photograph: Photograph, colours: dict[str, tuple[float, float, float]]
) -> None:
    height, width = photograph.image.shape[:2]
    axis.imshow(photograph.image, interpolation="bilinear")
    axis.set_title(photograph.name, fontsize=7)
    axis.set_xlim(0, width)
    axis.set_ylim(height, 0)
    for drawn in photograph.boxes:
        colour = colours[drawn.class_name]
        if drawn.score is None:
            # black under white: visible on light and on dark pictures
            _rectangle(axis, drawn.box, "black", 1.4, (0, (4, 3)))
            _rectangle(axis, drawn.box, "white", 0.7, (0, (4, 3)))
        else:
            _rectangle(axis, drawn.box, colour, 1.8, "solid")
            _label(axis, drawn, colour)


def _rectangle(
    axis: Axes,
    box: tuple[float, float, float, float],
    colour: str | tuple[float, float, float],
    thickness: float,
    dashes: str | tuple[int, tuple[int, int]],
) -> None:
    x1, y1, x2, y2 = box
    axis.add_patch(
        Rectangle(
            # pixel centres lie on whole numbers: pixel 0 starts at -0.5
            (x1 - 0.5, y1 - 0.5),
            x2 - x1,
            y2 - y1,
            fill=False,
            edgecolor=colour,
            linewidth=thickness,
            linestyle=dashes,
        )
    )


def _label(axis: Axes, drawn: Drawn, colour: tuple[float, float, float]) -> None:
    """Write class and score into the upper left corner of the box, white on the class colour."""
    axis.text(
        drawn.box[0],
        drawn.box[1],
        f"{drawn.class_name} {drawn.score:.2f}",
        fontsize=6,
        color="white",
        verticalalignment="top",
        clip_on=True,
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.0},
    )
