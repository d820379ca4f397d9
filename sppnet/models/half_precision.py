"""Features as they are stored: half precision, cut at its limits."""

import torch
from torch import Tensor

HALF_MAXIMUM = torch.finfo(torch.float16).max


def to_half(values: Tensor) -> Tensor:
    """The values in half precision; those beyond its range become its limit, not infinite."""
    return values.clamp(-HALF_MAXIMUM, HALF_MAXIMUM).to(torch.float16)
