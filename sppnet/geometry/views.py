"""Crops of an image that training and testing look at."""

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

    Source: SPP 3.1. Differs from AlexNet, whose corners are those of the central square.
    """
    if not 1 <= size <= min(height, width):
        raise SppnetError(
            f"crop: {size} pixels do not fit an image of {width} x {height}; "
            "give a smaller crop or a larger resize"
        )
    right, bottom = width - size, height - size
    corners = [(right // 2, bottom // 2), (0, 0), (right, 0), (0, bottom), (right, bottom)]
    return torch.tensor([(x, y, x + size, y + size) for x, y in corners])
