"""The strongest responses of filters of the last convolution, and their receptive fields."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sppnet.errors import SppnetError
from sppnet.geometry.receptive_field import MapGeometry


@dataclass(frozen=True, eq=False)
class Response:
    """The response of one filter to one image.

    Attributes:
        name: name of the image.
        image: uint8 `(H, W, 3)` RGB, resized as the network sees it.
        values: `(H', W')`, the map of the filter.
    """

    name: str
    image: np.ndarray
    values: np.ndarray

    @property
    def peak(self) -> float:
        """The strongest value."""
        return float(self.values.max())

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column of the strongest value; on a tie, the first in reading order."""
        row, column = np.unravel_index(int(self.values.argmax()), self.values.shape)
        return int(row), int(column)


@dataclass(frozen=True)
class FilterResponses:
    """A filter (its channel) and its responses, strongest first."""

    channel: int
    responses: Sequence[Response]


def choose_filters(strengths: np.ndarray, count: int) -> list[int]:
    """Filters with the strongest single responses, on different images as far as possible.

    Args:
        strengths: `(images, channels)`, the strongest response of each filter on each image.
        count: number of filters.

    Returns:
        Channels in order of decreasing response, but those whose strongest image is already that
        of a stronger filter come last.

    Raises:
        SppnetError: fewer filters respond.
    """
    peaks, images = strengths.max(axis=0), strengths.argmax(axis=0)
    order = [int(channel) for channel in np.argsort(-peaks, kind="stable") if peaks[channel] > 0]
    if len(order) < count:
        raise SppnetError(
            f"--filters {count}: only {len(order)} of {len(peaks)} filters respond to these "
            "images; ask for fewer, or give trained weights"
        )
    leading: dict[int, int] = {}
    for channel in order:
        leading.setdefault(int(images[channel]), channel)
    chosen = list(leading.values())
    return (chosen + [channel for channel in order if channel not in chosen])[:count]


def strongest_images(strengths: np.ndarray, channel: int, count: int) -> list[int]:
    """Rows of the images to which a filter responds most, strongest first; ties in row order.

    Args:
        strengths: `(images, channels)`.
        channel: channel of the filter.
        count: number of images.

    Raises:
        SppnetError: there are fewer images.

    Source: paper §2.1 (Figure 2).
    """
    if count > len(strengths):
        raise SppnetError(f"--images {count}: the split has only {len(strengths)}; ask for fewer")
    return [int(row) for row in np.argsort(-strengths[:, channel], kind="stable")[:count]]


def seen_by(
    cell: tuple[int, int], geometry: MapGeometry, field: int, image_size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Part of the image inside the receptive field of a cell.

    Args:
        cell: row and column.
        geometry: stride and first centre of the cells.
        field: side of the receptive field in pixels.
        image_size: height and width of the resized image.

    Returns:
        x1 y1 x2 y2, half-open, in pixels of the resized image.
    """
    height, width = image_size
    y, x = (geometry.offset + index * geometry.stride - (field - 1) / 2 for index in cell)
    return max(0.0, x), max(0.0, y), min(float(width), x + field), min(float(height), y + field)
