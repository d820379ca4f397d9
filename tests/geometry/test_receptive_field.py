"""Cells and receptive fields, by hand and by the pixels that a cell's gradient reaches."""

import copy
from functools import cache

import pytest
import torch
import torchvision
from torch import nn

from sppnet.errors import SppnetError
from sppnet.geometry.receptive_field import MapGeometry, map_geometry, receptive_field
from sppnet.models.backbones import BACKBONES, LocalResponseNorm, build_backbone

RELEASE = MapGeometry(stride=16, offset=20, shrink=6.5)
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


def chain(*layers):
    """Backbone of (kernel, stride, padding) convolutions ("c") and pooling layers ("p")."""
    kinds = {"c": lambda *each: nn.Conv2d(3, 3, *each), "p": nn.MaxPool2d}
    return nn.Sequential(*(kinds[kind](*numbers) for kind, *numbers in layers))


def zf5(first, second, pool=0):
    three = [("c", 3, 1, 1)] * 3
    return chain(
        ("c", 7, 2, first), ("p", 3, 2, pool), ("c", 5, 2, second), ("p", 3, 2, pool), *three
    )


def overfeat(second):
    return chain(
        ("c", 7, 2, 0), ("p", 3, 3), ("c", 5, 1, second), ("p", 2, 2), *[("c", 3, 1, 1)] * 3
    )


@pytest.mark.parametrize(
    ("backbone", "stride", "first"),
    [
        (zf5(1, 0), 16, 21),
        (zf5(1, 1), 16, 17),
        (zf5(3, 2, pool=1), 16, 1),
        (overfeat(1), 12, 15),
        (overfeat(2), 12, 9),
    ],
    ids=["released", "table 1", "half kernels", "overfeat a", "overfeat b"],
)
def test_strides_and_first_centres_by_hand(backbone, stride, first):
    """First centres are 1-based pixels here, as the release counts."""
    assert map_geometry(backbone) == MapGeometry(stride, first - 1, 6.5)


@pytest.mark.parametrize("width", [0.125, 1])
def test_zf5_has_the_released_geometry(width):
    assert map_geometry(build_backbone("zf5", width)) == RELEASE
    assert map_geometry(build_backbone("zf5", width), shrink=8).shrink == 8


@pytest.mark.parametrize("backbone", ["overfeat5", "overfeat7"])
def test_overfeat_has_the_constants_of_the_release(backbone):
    # subsample_images.m: offset0 15 (1-based), offset 6.5, stride 12
    assert map_geometry(build_backbone(backbone, 0.0625)) == MapGeometry(12, 14, 6.5)


def with_means_for_maxima(backbone):
    """The same cells, but every pixel in reach of a cell takes part: positive weights, no max."""
    backbone = copy.deepcopy(backbone).to_empty(device="cpu").eval()
    for parent in list(backbone.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.MaxPool2d):
                pool = (layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
                setattr(parent, name, nn.AvgPool2d(*pool))
            elif isinstance(layer, nn.Conv2d):
                nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
            elif isinstance(layer, nn.ReLU6 | LocalResponseNorm):
                # lets no gradient through above 6; its neighbourhood is left out of the reach
                setattr(parent, name, nn.Identity())
    return backbone


def reach(backbone, cell, size):
    """First and last pixel along x that change a cell in the row of cells of a wide image."""
    image = torch.ones(1, 3, *size, requires_grad=True)
    maps = backbone(image)
    (gradient,) = torch.autograd.grad(maps[0, :, 0, cell].sum(), image)
    touched = gradient[0].abs().amax((0, 1)).nonzero().flatten()
    return touched[0].item(), touched[-1].item()


@cache
def named_backbone(name):
    if name in BACKBONES:
        return build_backbone(name, 0.0625)
    if name == "efficientnet_lite0":
        return build_backbone(name, 1)
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None)
    children = list(model.children())
    return nn.Sequential(*children[:-2]) if name == "resnet18" else model.features


ODD = {
    "dilated": nn.Sequential(nn.Conv2d(3, 3, 3, dilation=4), nn.Conv2d(3, 3, 2, 2)),
    "even": nn.Sequential(nn.Conv2d(3, 3, 4, stride=2, padding=1), nn.AvgPool2d(2, 2)),
    "same": nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 3, 4, padding="same"), nn.GELU()),
    "zeros around": nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(3, 3, 5, 2)),
    "valid": nn.Sequential(nn.Conv2d(3, 3, 5, padding="valid"), nn.AvgPool2d(3, 3, 1)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(
    "name",
    [*BACKBONES, "squeezenet1_0", "efficientnet_lite0", "resnet18", "vgg11", "alexnet", *ODD],
)
def test_cells_lie_at_the_middle_of_the_pixels_that_change_them(name):
    backbone = ODD[name] if name in ODD else named_backbone(name)
    geometry, side = map_geometry(backbone), receptive_field(backbone)
    averaging, size = with_means_for_maxima(backbone), (64, 1000 if side > 600 else 600)
    columns = averaging(torch.ones(1, 3, *size)).shape[3]
    for cell in (columns // 2, columns // 2 + 1):
        first, last = reach(averaging, cell, size)
        assert first > 0 and last < size[1] - 1, "the image is too small for this test"
        assert geometry.offset + cell * geometry.stride == (first + last) / 2
        assert side == last - first + 1


class Meeting(nn.Module):
    """Two convolutions side by side, joined."""

    def __init__(self, first, second, join):
        super().__init__()
        self.first, self.second, self.join = first, second, join

    def forward(self, images):
        return self.join(self.first(images), self.second(images))


class Step(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


@pytest.mark.parametrize("join", [torch.add, lambda a, b: torch.cat([a, b], 1), torch.mul])
def test_branches_with_the_same_cells_may_meet(join):
    backbone = Meeting(nn.Conv2d(3, 3, 3, 2, 1), nn.Conv2d(3, 3, 1, 2), join)
    assert map_geometry(backbone) == MapGeometry(2, 0, 6.5)
    assert receptive_field(backbone) == 3  # the wider of 3 and 1


@pytest.mark.parametrize(
    ("backbone", "part"),
    [
        (Meeting(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3, padding=1), torch.add), "branches"),
        (nn.Sequential(nn.Conv2d(3, 3, (3, 5))), r"layer 0 differs between the axes \(\(3, 5\)\)"),
        (nn.Sequential(nn.MaxPool2d(3, (1, 2))), "layer 0 differs between the axes"),
        (nn.Sequential(nn.ZeroPad2d((1, 2, 0, 2))), "layer 0 differs between the axes"),
        (nn.Sequential(nn.ReLU(), nn.Flatten()), r"layer 1 \(Flatten\)"),
        (nn.Sequential(nn.Upsample(scale_factor=2)), r"layer 0 \(Upsample\)"),
        (Step(lambda x: x.flip(3)), "function flip"),
        (Step(lambda x: nn.functional.max_pool2d(x, 2)), "function .*max_pool2d"),
        (Step(lambda x: x if x.sum() > 0 else -x), "Step cannot be traced"),
        (Step(lambda x: torch.ones(1)), "does not depend on the image"),
    ],
)
def test_backbones_whose_cells_are_not_known_are_refused(backbone, part):
    for ask in (map_geometry, receptive_field):
        with pytest.raises(SppnetError, match=part):
            ask(backbone)
