"""The receptive field by counting layers against the pixels that a cell's gradient reaches."""

import pytest
import torch
from torch import nn

from sppnet.errors import SppnetError
from sppnet.geometry.projection import map_geometry, receptive_field
from sppnet.models.backbones import LocalResponseNorm, build_backbone

FIELDS = {"zf5": 139, "convnet5": 131, "overfeat5": 113, "overfeat7": 161, "alex5": 163}


def see_through(backbone):
    """The same geometry, in which every cell depends on all that it can see.

    Weights are positive, pools average, and nothing is normalised: its reach does not count.
    """
    for index, layer in enumerate(backbone):
        if isinstance(layer, nn.MaxPool2d):
            backbone[index] = nn.AvgPool2d(layer.kernel_size, layer.stride, ceil_mode=True)
        elif isinstance(layer, LocalResponseNorm):
            backbone[index] = nn.Identity()
    for weight in backbone.parameters():
        nn.init.constant_(weight, 0.01)
    return backbone.double()


@pytest.mark.parametrize("backbone", [*FIELDS, "squeezenet"])
def test_gradient_reaches_the_field_and_no_further(backbone):
    width = 1 if backbone == "squeezenet" else 0.01
    backbone = see_through(build_backbone(backbone, width))
    image = torch.ones(1, 3, 330, 360, dtype=torch.float64, requires_grad=True)
    maps = backbone(image)
    row, column = maps.shape[2] // 2, maps.shape[3] // 2 - 1
    maps[0, :, row, column].sum().backward()
    reached = image.grad[0].sum(dim=0) > 0
    geometry, side = map_geometry(backbone), receptive_field(backbone)
    for index, axis in ((row, 1), (column, 0)):
        pixels = reached.any(dim=axis).nonzero().flatten()
        centre = geometry.offset + index * geometry.stride
        assert (pixels[0], pixels[-1]) == (centre - (side - 1) / 2, centre + (side - 1) / 2)
    assert reached.sum() == side**2


@pytest.mark.parametrize("backbone", FIELDS)
def test_fields(backbone):
    assert receptive_field(build_backbone(backbone, 0.125)) == FIELDS[backbone]


def test_dilation_widens_the_field_and_one_pixel_sees_itself():
    assert receptive_field(nn.Sequential(nn.Conv2d(3, 4, 3, dilation=5))) == 11
    assert receptive_field(nn.Sequential(nn.Conv2d(3, 4, 1, stride=4), nn.ReLU())) == 1


def test_a_classifier_has_no_field():
    with pytest.raises(SppnetError, match="layer 1 \\(Flatten\\)"):
        receptive_field(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()))
