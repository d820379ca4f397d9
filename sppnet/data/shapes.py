"""The object classes of the generated sets: an outline and a texture each, deformed and drawn.

Classes differ in outline and texture only. Colours, size, position, tilt and warp of an object
are drawn from the same distributions for all classes. Detection sets have a class per outline.
In classification sets each outline has three textures, and each texture three outlines, so that
neither alone tells the class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[Any]
Points = NDArray[np.float64]

SUPERSAMPLING = 2  # drawn this much larger per axis, then averaged: smooth edges
MASK_SIDE = 512  # raster of an undeformed outline, which spans [-1.25, 1.25] both ways
MASK_SPAN = 1.25
PROBE_SIDE = 96  # coarse grid for the extent of a deformed outline
PROBE_SPAN = 2.4
TILT = np.pi / 7  # largest turn either way, radians
SHEAR = 0.25
STRETCH = 1.7  # largest factor of width to height, either way
WARP = 0.07  # elastic displacement in units of the half side
CONTRAST = 90.0  # minimum difference in brightness of an object's two colours, of 255


@dataclass(frozen=True)
class Drawing:
    """One drawn object: colours (H, W, 3) of 0..255 and coverage (H, W) of 0..1, float32."""

    colour: Field
    coverage: Field


def _arc(
    radius: float, start: float, stop: float, centre: float = 0.0
) -> list[tuple[float, float]]:
    """Points of a circle about (centre, 0) from one angle to another, in degrees."""
    angles = np.radians(np.linspace(start, stop, 90))
    return [(centre + radius * float(np.cos(a)), radius * float(np.sin(a))) for a in angles]


def _star(points: int, inner: float) -> list[tuple[float, float]]:
    """Corners of a star that stands on two of its points."""
    turns = np.pi * np.arange(2 * points) / points - np.pi / 2
    radii = np.where(np.arange(2 * points) % 2 == 0, 1.0, inner)
    return [(float(r * np.cos(t)), float(r * np.sin(t))) for r, t in zip(radii, turns, strict=True)]


def _cross(arm: float) -> list[tuple[float, float]]:
    """Corners of an upright cross whose arms are 2 `arm` wide, one quarter after the other."""
    quarter = [(-arm, -1.0), (arm, -1.0), (arm, -arm)]
    corners = []
    for _ in range(4):
        corners += quarter
        quarter = [(-y, x) for x, y in quarter]
    return corners


def _stripes(u: Field, v: Field) -> Field:
    return np.sin(8.5 * u)


def _sectors(u: Field, v: Field) -> Field:
    return np.sin(8.0 * np.arctan2(v, u))


def _checks(u: Field, v: Field) -> Field:
    return np.sin(6.5 * u) * np.sin(6.5 * v) * 2.0


def _dots(u: Field, v: Field) -> Field:
    return np.cos(11.0 * u) + np.cos(11.0 * v) - 0.5


def _circles(u: Field, v: Field) -> Field:
    return np.cos(11.0 * np.hypot(u, v))


def _zigzag(u: Field, v: Field) -> Field:
    return np.sin(10.0 * (v + 0.8 * np.abs((2.2 * u) % 1.0 - 0.5)))


def _shade(u: Field, v: Field) -> Field:
    return 0.12 * (u + v)


def _grid(u: Field, v: Field) -> Field:
    return np.maximum(np.cos(11.0 * u), np.cos(11.0 * v)) - 0.65


# Outlines in units of the half side, y down; where outlines overlap there is a hole.
OUTLINES: dict[str, list[list[tuple[float, float]]]] = {
    "arrow": [[(-1, -0.35), (0, -0.35), (0, -0.9), (1, 0), (0, 0.9), (0, 0.35), (-1, 0.35)]],
    "crescent": [_arc(1.0, 63, 297) + _arc(0.891, 270, 90, 0.454)],
    "cross": [_cross(0.36)],
    "disc": [_arc(1.0, 0, 360)],
    "ring": [_arc(1.0, 0, 360), _arc(0.5, 0, 360)],
    "square": [[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]],
    "star": [_star(5, 0.45)],
    "triangle": [[(-1, 0.85), (0, -0.95), (1, 0.85)]],
}

TEXTURES: dict[str, Callable[[Field, Field], Field]] = {
    "grid": _grid,
    "shade": _shade,
    "zigzag": _zigzag,
    "stripes": _stripes,
    "sectors": _sectors,
    "checks": _checks,
    "circles": _circles,
    "dots": _dots,
}

# Outline and texture of each class.
Parts = dict[str, tuple[str, str]]
DETECTION_CLASSES: Parts = {
    outline: (outline, texture) for outline, texture in zip(OUTLINES, TEXTURES, strict=True)
}
IMAGE_CLASSES: Parts = {
    f"{outline}_{texture}": (outline, texture)
    for index, outline in enumerate(OUTLINES)
    for texture in sorted([*TEXTURES, *TEXTURES][index + step] for step in (0, 1, 3))
}


@cache
def _outline_mask(name: str) -> NDArray[np.uint8]:
    """The undeformed outline as a raster of 0 and 255."""
    mask = np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
    corners = [
        np.round((np.asarray(part) / MASK_SPAN + 1) / 2 * MASK_SIDE * 16).astype(np.int32)
        for part in OUTLINES[name]
    ]
    cv2.fillPoly(mask, corners, (255,), cv2.LINE_AA, 4)
    return mask


def _deformation(
    strength: float, generator: np.random.Generator
) -> Callable[[Field, Field], tuple[Field, Field]]:
    """A random map from drawn to undeformed coordinates: turn, shear, stretch, mirror, warp."""
    tilt = strength * generator.uniform(-TILT, TILT)
    shear = strength * generator.uniform(-SHEAR, SHEAR)
    stretch = STRETCH ** (strength * generator.uniform(-0.5, 0.5))
    mirror = generator.choice((-1.0, 1.0))
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    affine = np.diag([mirror * stretch, 1 / stretch]) @ np.array([[1, shear], [0, 1]]) @ turn
    matrix = affine.astype(np.float32)
    waves = generator.uniform(-3.0, 3.0, (2, 2)).astype(np.float32)
    phases = generator.uniform(0, 2 * np.pi, 2).astype(np.float32)

    def apply(x: Field, y: Field) -> tuple[Field, Field]:
        u = matrix[0, 0] * x + matrix[0, 1] * y
        v = matrix[1, 0] * x + matrix[1, 1] * y
        bend_u = strength * WARP * np.sin(waves[0, 0] * x + waves[0, 1] * y + phases[0])
        bend_v = strength * WARP * np.sin(waves[1, 0] * x + waves[1, 1] * y + phases[1])
        return u + bend_u, v + bend_v

    return apply


def _coverage(name: str, u: Field, v: Field) -> Field:
    """Coverage of each point by the outline, 0..1."""
    scale = MASK_SIDE / (2 * MASK_SPAN)
    shift = MASK_SIDE / 2 - 0.5
    mask = cv2.remap(_outline_mask(name), u * scale + shift, v * scale + shift, cv2.INTER_LINEAR)
    return np.asarray(mask, np.float32) / 255


def _reach(name: str, deform: Callable[[Field, Field], tuple[Field, Field]]) -> Points:
    """Extent x1, y1, x2, y2 of the deformed outline, exact to one probe cell."""
    axis = np.linspace(-PROBE_SPAN, PROBE_SPAN, PROBE_SIDE, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    covered = _coverage(name, *deform(x, y)) > 0
    columns, rows = axis[covered.any(axis=0)], axis[covered.any(axis=1)]
    cell = 2 * PROBE_SPAN / (PROBE_SIDE - 1)
    low, high = (columns[0], rows[0]), (columns[-1], rows[-1])
    return np.array([low[0] - cell, low[1] - cell, high[0] + cell, high[1] + cell], np.float64)


def two_colours(generator: np.random.Generator) -> NDArray[np.float64]:
    """Two random colours (2, 3) of 0..255 that differ by at least `CONTRAST` in brightness."""
    while True:
        colours = generator.uniform(0, 255, (2, 3))
        if abs(float(np.diff(colours.mean(axis=1))[0])) >= CONTRAST:
            return colours


def draw_object(
    name: str, *, side: float, deformation: float, generator: np.random.Generator
) -> Drawing:
    """Draw one deformed object of a class.

    Args:
        name: one of `DETECTION_CLASSES` or `IMAGE_CLASSES`.
        side: longer side of the object's box in pixels, to about a pixel.
        deformation: strength of the deformation, 0 to 1.
        generator: source of colours and deformation.

    Returns:
        The object cut to its box, with coverage above 0 possible on every border.
    """
    outline, texture = (DETECTION_CLASSES | IMAGE_CLASSES)[name]
    deform = _deformation(deformation, generator)
    x1, y1, x2, y2 = _reach(outline, deform)
    unit = side / max(x2 - x1, y2 - y1)
    width, height = (max(1, round((b - a) * unit)) for a, b in ((x1, x2), (y1, y2)))
    x_axis = np.linspace(x1, x2, width * SUPERSAMPLING, dtype=np.float32)
    y_axis = np.linspace(y1, y2, height * SUPERSAMPLING, dtype=np.float32)
    x, y = np.meshgrid(x_axis, y_axis)
    u, v = deform(x, y)
    coverage = _coverage(outline, u, v)
    share = np.clip(0.5 + 3.0 * TEXTURES[texture](u, v), 0, 1)[..., None]
    first, second = two_colours(generator).astype(np.float32)
    pair = np.dstack([first * share + second * (1 - share), coverage])
    small = cv2.resize(pair, (width, height), interpolation=cv2.INTER_AREA)
    return Drawing(np.float32(small[..., :3]), np.float32(small[..., 3]))  # type: ignore[arg-type]
