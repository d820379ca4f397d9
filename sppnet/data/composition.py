"""One generated image: a cluttered background, deformed objects on it, and their boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sppnet.data.settings import Variation
from sppnet.data.shapes import Drawing, Field, draw_object

OCTAVES = ((2, 60.0), (5, 30.0), (14, 18.0), (45, 12.0))  # cells along the longer side, amplitude
PATCHES = (1, 4)  # irregular patches of another colour, lowest and highest number
STROKES = (3, 9)  # bent strokes
GRAIN = (2.0, 7.0)  # standard deviation of the noise over the finished image, of 255
OPAQUE = 0.5  # coverage from which a pixel belongs to an object
LEAST_VISIBLE = 0.3  # minimum visible share of an object's pixels
TRIES = 12  # positions tried before an object is left out
DIFFICULT_VISIBLE = 0.5  # an object that is less visible is `difficult`
DIFFICULT_SIDE = 14  # so is one whose visible box has a shorter side, in pixels


@dataclass(frozen=True)
class SceneObject:
    """One annotated object; the box is x1, y1, x2, y2, 0-based and half-open, in pixels."""

    class_name: str
    box: tuple[int, int, int, int]
    truncated: bool
    difficult: bool


@dataclass(frozen=True)
class Scene:
    """An image, uint8 RGB (H, W, 3), and its visible objects."""

    image: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]


@dataclass(frozen=True)
class _Placed:
    """A drawing with its upper left corner in the image, which may lie outside."""

    class_name: str
    drawing: Drawing
    left: int
    top: int

    @property
    def solid(self) -> NDArray[np.bool_]:
        return self.drawing.coverage >= OPAQUE

    def windows(self, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The part inside the image: rows and columns of the image, and of the drawing."""
        tall, wide = self.drawing.coverage.shape
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + tall, height), min(self.left + wide, width)
        image = (slice(top, max(bottom, top)), slice(left, max(right, left)))
        drawing = tuple(
            slice(part.start - start, part.stop - start)
            for part, start in zip(image, (self.top, self.left), strict=True)
        )
        return image, (drawing[0], drawing[1])


def _smooth_noise(
    size: tuple[int, int],
    *,
    octaves: Sequence[tuple[int, float]],
    channels: int,
    generator: np.random.Generator,
) -> Field:
    """Sum of smooth noises (H, W, channels), per octave (cells along the longer side, amplitude).

    Each is added on the grid of the next finer one, so only the last step is of full size.
    """
    total = np.zeros((2, 2, channels), np.float32)
    for cells, amplitude in octaves:
        rows, columns = (max(2, round(cells * side / max(size))) for side in size)
        noise = generator.uniform(-amplitude, amplitude, (rows, columns, channels))
        total = _enlarge(total, (rows, columns)) + noise.astype(np.float32)
    return _enlarge(total, size)


def _enlarge(image: Field, size: tuple[int, int]) -> Field:
    large = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32).reshape(*size, -1)


def _add_patches(image: Field, clutter: float, generator: np.random.Generator) -> None:
    """Shift the colour of irregular regions: where smooth noise exceeds a level."""
    size = (image.shape[0], image.shape[1])
    for _ in range(round(clutter * generator.integers(*PATCHES, endpoint=True))):
        octaves = [(int(generator.integers(3, 9)), 1.0)]
        noise = _smooth_noise(size, octaves=octaves, channels=1, generator=generator)
        region = noise > generator.uniform(0.2, 0.5)
        image += region * generator.uniform(-70, 70, 3).astype(np.float32)


def _add_strokes(image: Field, clutter: float, generator: np.random.Generator) -> None:
    """Draw bent lines of random colour and thickness, three spans each."""
    height, width = image.shape[:2]
    for _ in range(round(clutter * generator.integers(*STROKES, endpoint=True))):
        start = generator.uniform((0, 0), (width, height))
        steps = generator.normal(0, 0.2 * max(height, width), (3, 2))
        points = np.vstack([start, start + np.cumsum(steps, axis=0)])
        colour = [float(value) for value in generator.uniform(0, 255, 3)]
        thickness = int(generator.integers(1, max(2, min(height, width) // 28), endpoint=True))
        cv2.polylines(image, [points.astype(np.int32)], False, colour, thickness, cv2.LINE_AA)


def draw_background(size: tuple[int, int], clutter: float, generator: np.random.Generator) -> Field:
    """A textured background with 0..1 of the clutter, float32 (H, W, 3); `size`: height, width."""
    image = np.full((*size, 3), generator.uniform(40, 215, 3), np.float32)
    octaves = [
        (cells, clutter * amplitude * generator.uniform(0.3, 1)) for cells, amplitude in OCTAVES
    ]
    image += _smooth_noise(size, octaves=octaves, channels=3, generator=generator)
    _add_patches(image, clutter, generator)
    # OpenCV draws smooth lines on 8-bit images only
    eight_bit = np.clip(image, 0, 255).astype(np.uint8)
    _add_strokes(eight_bit, clutter, generator)
    return eight_bit.astype(np.float32)


def _place(
    name: str,
    drawing: Drawing,
    *,
    size: tuple[int, int],
    cut: bool,
    spread: float,
    generator: np.random.Generator,
) -> _Placed:
    """At a random position inside the image, or, where `cut`, with the centre inside."""
    corner = []
    for side, length in zip(drawing.coverage.shape, size, strict=True):
        reach = side // 2 if cut else 0
        low, high = sorted((-reach, length - side + reach))
        middle = (length - side) / 2
        position = middle + spread * (generator.integers(low, high, endpoint=True) - middle)
        corner.append(round(position))
    return _Placed(name, drawing, left=corner[1], top=corner[0])


def _owners(placed: Sequence[_Placed], size: tuple[int, int]) -> NDArray[np.int16]:
    """Index of the visible object at each pixel, later ones in front; -1 for the background."""
    owners = np.full(size, -1, np.int16)
    for index, item in enumerate(placed):
        window, part = item.windows(*size)
        owners[window][item.solid[part]] = index
    return owners


def _visible_shares(placed: Sequence[_Placed], owners: NDArray[np.int16]) -> list[float]:
    """Visible share of each object's pixels."""
    counts = np.bincount(owners.ravel() + 1, minlength=len(placed) + 1)[1:]
    return [
        float(count) / int(item.solid.sum()) for item, count in zip(placed, counts, strict=True)
    ]


def _extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Tight x1, y1, x2, y2 of a mask, half-open."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _annotate(item: _Placed, visible: NDArray[np.bool_], share: float) -> SceneObject:
    """The box of the visible part; truncated when the whole object extends beyond it."""
    x1, y1, x2, y2 = box = _extent(visible)
    left, top, right, bottom = _extent(item.solid)
    full_box = (left + item.left, top + item.top, right + item.left, bottom + item.top)
    difficult = share < DIFFICULT_VISIBLE or min(x2 - x1, y2 - y1) < DIFFICULT_SIDE
    return SceneObject(item.class_name, box, truncated=box != full_box, difficult=difficult)


def _arrange(
    drawings: Sequence[tuple[str, Drawing, bool]],
    size: tuple[int, int],
    spread: float,
    generator: np.random.Generator,
) -> list[_Placed]:
    """Positions of the drawings (class, drawing, may be cut) that keep enough of each visible."""
    placed: list[_Placed] = []
    for name, drawing, cut in drawings:
        for _ in range(TRIES):
            item = _place(name, drawing, size=size, cut=cut, spread=spread, generator=generator)
            shares = _visible_shares([*placed, item], _owners([*placed, item], size))
            if min(shares) >= LEAST_VISIBLE:
                placed.append(item)
                break
    return placed


def render_scene(
    names: Sequence[str],
    *,
    size: tuple[int, int],
    sides: Sequence[float],
    cut: Sequence[bool],
    variation: Variation,
    generator: np.random.Generator,
) -> Scene:
    """Draw one image.

    Args:
        names: class of each object, back to front.
        size: height and width of the image in pixels.
        sides: longer side of each object in pixels, at most the image's shorter side.
        cut: whether the border may cut off part of each object.
        variation: deformation, spread of the places, and clutter.
        generator: source of everything random.

    Returns:
        The image and its objects; an object that found no room is in neither.
    """
    image = draw_background(size, variation.clutter, generator)
    drawings = [
        (
            name,
            draw_object(name, side=side, deformation=variation.deformation, generator=generator),
            may_cut,
        )
        for name, side, may_cut in zip(names, sides, cut, strict=True)
    ]
    placed = _arrange(drawings, size, variation.spread, generator)
    for item in placed:
        window, part = item.windows(*size)
        cover = item.drawing.coverage[part][..., None]
        image[window] += cover * (item.drawing.colour[part] - image[window])
    owners = _owners(placed, size)
    grain = generator.uniform(*GRAIN) * generator.standard_normal(image.shape, np.float32)
    finished = np.clip(image + grain, 0, 255).astype(np.uint8)
    shares = _visible_shares(placed, owners)
    objects = tuple(
        _annotate(item, owners == index, share)
        for index, (item, share) in enumerate(zip(placed, shares, strict=True))
    )
    return Scene(finished, objects)
