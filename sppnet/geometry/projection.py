"""Which cells of a feature map a box covers, and on which scale."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sppnet.errors import SppnetError
from sppnet.geometry.boxes import area
from sppnet.geometry.receptive_field import MapGeometry


def project_windows(
    boxes: Tensor, geometry: MapGeometry, map_size: tuple[int, int], scale: float | Tensor
) -> Tensor:
    """Cells of the map that boxes cover, at least one cell each.

    Along each axis, with first and last pixel x0 and x1 of the box in the resized image:
    lowest cell floor((x0 - offset + shrink) / stride + 1/2), highest cell
    ceil((x1 - offset - shrink) / stride - 1/2). If the lowest is above the highest, both become
    their mean, truncated in 1-based numbers. Then both are clamped to the map.

    Args:
        boxes: `Tensor[K, 4]` in pixels of the original image.
        geometry: of the backbone that made the map.
        map_size: height and width of the map in cells.
        scale: pixels of the resized image per original pixel (`pixel_scale`), one or `Tensor[K]`.

    Returns:
        int64 `Tensor[K, 4]` x1 y1 x2 y2, half-open cells.

    Raises:
        SppnetError: boxes are not (K, 4) or not finite, or the map is empty.

    Source: release spm_pool_caffe_mex.cpp; paper appendix A (the same with shrink = stride / 2, for
        paddings that put the first centre at pixel stride - 1).
    """
    _check_projection(boxes, map_size)
    factor = torch.as_tensor(scale, dtype=torch.float64, device=boxes.device).reshape(-1, 1)
    corners = boxes.double()
    first, last = corners[:, :2] * factor, (corners[:, 2:] - 1) * factor
    offset, shrink, stride = geometry.offset, geometry.shrink, geometry.stride
    low = ((first - offset + shrink) / stride + 0.5).floor()
    high = ((last - offset - shrink) / stride - 0.5).ceil()
    middle = ((low + high + 2) / 2).trunc() - 1
    empty = low > high
    low, high = torch.where(empty, middle, low), torch.where(empty, middle, high)
    limit = torch.tensor([map_size[1] - 1, map_size[0] - 1], device=boxes.device).double()
    low, high = low.clamp(min=0).minimum(limit), high.clamp(min=0).minimum(limit)
    return torch.cat([low, high + 1], dim=1).long()


def pixel_scale(short_side: int, size: int) -> float:
    """Pixels of the resized image per original pixel, with first and last pixels aligned.

    Args:
        short_side: shorter side of the original image in pixels, at least 2.
        size: shorter side of the resized image in pixels.

    Returns:
        (size - 1) / (short_side - 1).

    Raises:
        SppnetError: short_side below 2 or size below 1.

    Source: release spp_features_convX_to_poolX.m.
    """
    if short_side < 2 or size < 1:
        raise SppnetError(
            f"size: cannot scale a shorter side of {short_side} to {size} pixels; "
            "give an image of at least 2 pixels and a positive size"
        )
    return (size - 1) / (short_side - 1)


def choose_scale(
    boxes: Tensor, short_side: float, scales: Sequence[float], target: float = 224
) -> Tensor:
    """Scale at which a box's area is nearest to target² pixels; the first in the list on a tie.

    Args:
        boxes: `Tensor[K, 4]` in pixels of the original image.
        short_side: shorter side of the original image in pixels.
        scales: shorter sides of the resized image in pixels.
        target: side in pixels of a square with the area that a box should have.

    Returns:
        int64 `Tensor[K]`: index into `scales`.

    Raises:
        SppnetError: boxes are not (K, 4), or there is no scale.

    Source: paper §4.1. Differs: release spm_expected_scale.m picks the scale nearest to
        208 · short_side / sqrt(area).
    """
    if not scales or min(scales) <= 0 or short_side <= 0:
        raise SppnetError(
            f"scales: {list(scales)} for a shorter side of {short_side}; give positive numbers"
        )
    factors = torch.tensor(list(scales), dtype=torch.float64, device=boxes.device) / short_side
    pixels = area(boxes.double())[:, None] * factors**2
    return (pixels - target**2).abs().argmin(dim=1)


def unique_rows(windows: Tensor) -> tuple[Tensor, Tensor]:
    """First of each group of equal rows; nearly coincident boxes share a window.

    Args:
        windows: integer `Tensor[K, N]`, one window or other key per row.

    Returns:
        int64 `Tensor[J]`, the index of the first row of each group, and int64 `Tensor[K]`, the
        group of each row.
    """
    _, first, group = np.unique(windows.numpy(), axis=0, return_index=True, return_inverse=True)
    return torch.from_numpy(first), torch.from_numpy(group.reshape(-1))


def _check_projection(boxes: Tensor, map_size: tuple[int, int]) -> None:
    if min(map_size) < 1:
        raise SppnetError(f"map: {map_size} cells; give a map of at least one cell")
    area(boxes)
    bad = (~boxes.isfinite()).any(dim=1).nonzero().flatten().tolist()
    if bad:
        values = [value if math.isfinite(value) else str(value) for value in boxes[bad[0]].tolist()]
        raise SppnetError(f"boxes: row {bad[0]} is {values}; give finite pixels")
