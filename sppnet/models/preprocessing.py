"""Pixels as network input."""

from torch import Tensor

from sppnet.models.network import Architecture


def normalise(pixels: Tensor, architecture: Architecture, *, shift: Tensor | None = None) -> Tensor:
    """Images as network input: (pixels - mean) / std in the network's channel order.

    Args:
        pixels: uint8 `Tensor[N, H, W, 3]` RGB, 0..255. The result is computed on their device:
            bytes are copied there four times as fast as floats.
        architecture: gives mean, std and channel order.
        shift: float `Tensor[N, 3]` added to the RGB values of each image; None for nothing.

    Returns:
        float32 `Tensor[N, 3, H, W]`, contiguous.
    """
    reverse = architecture.channel_order == "BGR"
    # Planes first: arithmetic on interleaved channels takes several times as long.
    planes = pixels.permute(0, 3, 1, 2).contiguous()
    values = (planes.flip(1) if reverse else planes).float()
    if shift is not None:
        shift = shift.to(values.device)
        values += (shift.flip(1) if reverse else shift)[:, :, None, None]
    return values.sub_(values.new_tensor(architecture.mean)[:, None, None]).div_(architecture.std)
