"""Crops of an image for training and testing, and the windows of its map that stand for them."""

import torch
from torch import Tensor

from sppnet.errors import SppnetError


def five_positions(height: int, width: int, size: int) -> Tensor:
    """Square crops at the centre and the four corners of the entire image.

    With their mirror images these are the ten views.

    Args:
        height: of the resized image in pixels.
        width: of the resized image in pixels.
        size: side of the crops in pixels.

    Returns:
        int64 `Tensor[5, 4]` x1 y1 x2 y2, half-open pixels of the resized image: centre, top left,
        top right, bottom left, bottom right.

    Raises:
        SppnetError: the crop is empty or larger than the image.

    Source: paper §3.1. Differs: AlexNet's corners are those of the central square.
    """
    if not 1 <= size <= min(height, width):
        raise SppnetError(
            f"crop: {size} pixels do not fit an image of {width} x {height}; "
            "give a smaller crop or a larger resize"
        )
    right, bottom = width - size, height - size
    corners = [(right // 2, bottom // 2), (0, 0), (right, 0), (0, bottom), (right, bottom)]
    return torch.tensor([(x, y, x + size, y + size) for x, y in corners])


def view_windows(height: int, width: int, size: int, positions: int) -> Tensor:
    """Distinct square views of an image.

    Args:
        height: of the resized image in pixels.
        width: of the resized image in pixels.
        size: side of the views in pixels.
        positions: 1 is the centre; 5 are centre and corners; 9 add the middles of the sides.

    Returns:
        int64 `Tensor[V, 4]` x1 y1 x2 y2, half-open pixels of the resized image, V <= positions.
        If the image is as narrow as a view, only 3 of the 9 are distinct (with mirrors, the 6
        views of the smallest scale).

    Raises:
        SppnetError: unknown number of positions; the view is empty or larger than the image.

    Source: paper §3.1.5 (18 views per scale are 9 positions and their mirrors).
    """
    if positions not in (1, 5, 9):
        raise SppnetError(f"positions: {positions} is unknown; use 1, 5 or 9")
    windows = five_positions(height, width, size)
    if positions == 9:
        (x, y), (right, bottom) = windows[0, :2].tolist(), windows[4, :2].tolist()
        sides = torch.tensor([(x, 0), (0, y), (right, y), (x, bottom)])
        windows = torch.cat([windows, torch.cat([sides, sides + size], dim=1)])
    distinct = dict.fromkeys(map(tuple, windows[:positions].tolist()))
    return torch.tensor(list(distinct))


def mirrored_windows(windows: Tensor, width: int) -> Tensor:
    """The same views on the mirrored image.

    Args:
        windows: `Tensor[V, 4]` x1 y1 x2 y2, half-open pixels.
        width: of the image in pixels.

    Returns:
        `Tensor[V, 4]`.

    Source: paper §3.1.5.
    """
    x1, y1, x2, y2 = windows.unbind(1)
    return torch.stack([width - x2, y1, width - x1, y2], dim=1)


def map_views(windows: Tensor, stride: float, map_size: tuple[int, int], cells: int) -> Tensor:
    """Windows of a whole image's map that stand for its views.

    A view gets as many cells as the map of a crop of its size would have, which is what the layers
    after the map were trained on, and starts at the nearest whole cell. Without padding in the
    backbone, a view that starts at a multiple of the stride gets exactly the map of its crop.

    Args:
        windows: int64 `Tensor[V, 4]` x1 y1 x2 y2, pixels of the resized image.
        stride: pixels from one cell to the next.
        map_size: height and width of the map in cells.
        cells: side of the map of a crop as large as a view.

    Returns:
        int64 `Tensor[V, 4]` x1 y1 x2 y2, half-open cells inside the map.

    Raises:
        SppnetError: the map is smaller than that of one view.

    Source: paper §3.1.5 (leaves the rounding open).
    """
    height, width = map_size
    if cells > min(height, width):
        raise SppnetError(
            f"views: {cells} cells a side on a map of {width} x {height}; lower the window or "
            "raise the scale"
        )
    limit = torch.tensor([width - cells, height - cells], device=windows.device)
    start = (windows[:, :2] / stride + 0.5).floor().long().minimum(limit)
    return torch.cat([start, start + cells], dim=1)
