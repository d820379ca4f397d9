"""The network's input, by hand."""

import pytest
import torch

from sppnet.models.network import Architecture
from sppnet.models.preprocessing import normalise


def architecture(order, mean=(100, 110, 120), std=50):
    shape = {"backbone": "zf5", "width": 0.1, "levels": (1,), "fc": 4, "classes": ("a", "b")}
    return Architecture(**shape, mean=mean, std=std, channel_order=order)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        # (100 - 100, 160 - 110, 220 - 120) / 50
        ("RGB", [0.0, 1.0, 2.0]),
        # (220 - 100, 160 - 110, 100 - 120) / 50: the mean is in the order of the network
        ("BGR", [2.4, 1.0, -0.4]),
    ],
)
def test_pixels_are_ordered_and_centred(order, expected):
    pixels = torch.tensor([100, 160, 220], dtype=torch.uint8).expand(1, 2, 3, 3)
    found = normalise(pixels, architecture(order))
    assert found.shape == (1, 3, 2, 3) and found.dtype == torch.float32
    assert found.is_contiguous()
    torch.testing.assert_close(found, torch.tensor(expected).view(1, 3, 1, 1).expand(1, 3, 2, 3))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        # red + 5, green - 10, blue + 20 of the first crop; the second moves by red + 50 alone
        ("RGB", [[0.1, 0.8, 2.4], [1.0, 1.0, 2.0]]),
        ("BGR", [[2.8, 0.8, -0.3], [2.4, 1.0, 0.6]]),
    ],
)
def test_shifts_are_in_rgb_pixel_values(order, expected):
    pixels = torch.tensor([100, 160, 220], dtype=torch.uint8).expand(2, 1, 1, 3)
    shift = torch.tensor([[5.0, -10.0, 20.0], [50.0, 0.0, 0.0]])
    found = normalise(pixels, architecture(order), shift=shift)
    torch.testing.assert_close(found[:, :, 0, 0], torch.tensor(expected))


def test_every_pixel_stays_where_it_is():
    pixels = torch.randint(0, 256, (2, 5, 7, 3), generator=torch.Generator().manual_seed(0))
    found = normalise(pixels.to(torch.uint8), architecture("RGB", mean=(0, 0, 0), std=1))
    assert torch.equal(found, pixels.permute(0, 3, 1, 2).float())
