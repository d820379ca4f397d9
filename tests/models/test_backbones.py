import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.geometry.receptive_field import map_geometry
from sppnet.models.backbones import (
    BACKBONES,
    backbone_channels,
    build_backbone,
    map_shape,
    normalise_across_channels,
    normalise_within_channel,
    scaled_channels,
)


def heights(backbone, size):
    """Height after each convolution and pooling layer."""
    found, maps = [], torch.empty(1, 3, size, size, device="meta")
    for layer in backbone.to("meta"):
        maps = layer(maps)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            found.append(maps.shape[2])
    return found


def convolutions(backbone):
    return [layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d)]


@pytest.mark.parametrize(
    ("backbone", "size", "expected"),
    [
        # the released prototxt, Caffe rounding
        ("zf5", 224, [110, 55, 26, 13, 13, 13, 13]),
        ("zf5", 180, [88, 44, 20, 10, 10, 10, 10]),
        ("convnet5", 224, [55, 55, 27, 27, 13, 13, 13]),
        ("convnet5", 180, [44, 44, 22, 22, 11, 11, 11]),
        ("overfeat5", 224, [109, 37, 35, 18, 18, 18, 18]),
        ("overfeat7", 224, [109, 37, 35, 18, 18, 18, 18, 18, 18]),
        ("overfeat7", 180, [87, 29, 27, 14, 14, 14, 14, 14, 14]),
        # AlexNet on R-CNN's input
        ("alex5", 227, [55, 27, 27, 13, 13, 13, 13]),
    ],
)
def test_map_sizes(backbone, size, expected):
    assert heights(build_backbone(backbone, 1), size) == expected


@pytest.mark.parametrize(
    ("size", "cells"), [(480, 29), (576, 35), (688, 42), (864, 53), (1200, 74)]
)
def test_zf5_cells_at_the_scales_of_the_paper(size, cells):
    assert map_shape(build_backbone("zf5", 0.125), size, size)[1:] == (cells, cells)


def test_squeezenet_has_13_cells_of_512_channels():
    backbone = build_backbone("squeezenet", 1)
    assert map_shape(backbone, 224, 224) == (512, 13, 13)
    assert map_shape(backbone, 180, 224) == (512, 10, 13)


def original_lite0(state, images):
    """EfficientNet-Lite0 up to block 15 as trained, with TensorFlow's padding worked out anew."""

    def convolve(maps, weight, stride, groups):
        short = [
            max((-(-n // stride) - 1) * stride + len(weight[0, 0]) - n, 0) for n in maps.shape[2:]
        ]
        pads = [pad for n in reversed(short) for pad in (n // 2, n - n // 2)]
        return functional.conv2d(functional.pad(maps, pads), weight, None, stride, groups=groups)

    def layer(maps, convolution, norm, stride=1, groups=1):
        names = ("running_mean", "running_var", "weight", "bias")
        values = [state[f"{norm}.{name}"] for name in names]
        maps = convolve(maps, state[f"{convolution}.weight"], stride, groups)
        return functional.batch_norm(maps, *values, eps=0.001)

    maps = functional.relu6(layer(images, "1", "2", 2))
    for block in range(16):
        at, inner = f"{block + 4}", maps
        if block > 0:
            inner = functional.relu6(layer(maps, f"{at}.expand_conv", f"{at}.bn0"))
        stride = 2 if block in (1, 3, 5, 11) else 1
        inner = layer(inner, f"{at}.depthwise_conv", f"{at}.bn1", stride, inner.shape[1])
        inner = layer(functional.relu6(inner), f"{at}.project_conv", f"{at}.bn2")
        maps = inner + maps if inner.shape == maps.shape else inner
    return maps


def test_every_second_cell_of_efficientnet_is_one_of_the_network_as_trained():
    backbone, generator = build_backbone("efficientnet_lite0", 1).eval(), torch.Generator()
    state = backbone.state_dict()
    for name, values in state.items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 2, generator=generator)
        elif values.ndim == 1:
            values.uniform_(0.1, 1, generator=generator)
    images = torch.randn(1, 3, 160, 224, generator=generator)
    with torch.no_grad():
        maps, expected = backbone(images), original_lite0(state, images)
    assert maps.shape == (1, 320, 10, 14) and expected.shape == (1, 320, 5, 7)
    assert expected.std() > 0.01
    assert torch.allclose(maps[:, :, 1::2, 1::2], expected, atol=1e-4)


def test_a_resnet_is_cut_before_its_pooling():
    backbone = build_backbone("torchvision:resnet18", 1)
    assert map_shape(backbone, 224, 224) == (512, 7, 7)


def test_a_torchvision_backbone_with_features_is_those_features():
    assert map_shape(build_backbone("torchvision:alexnet", 1), 224, 224) == (256, 6, 6)


@pytest.mark.parametrize(
    ("backbone", "stride", "offset"),
    [
        ("zf5", 16, 20),
        ("convnet5", 16, 15),
        ("overfeat5", 12, 14),  # the release's constants: 15, counted from 1, and 12
        ("overfeat7", 12, 14),
        ("alex5", 16, 17),
        ("squeezenet", 16, 17),
        ("efficientnet_lite0", 16, 15),
    ],
)
def test_geometry_can_be_traced(backbone, stride, offset):
    geometry = map_geometry(build_backbone(backbone, 1))
    assert (geometry.stride, geometry.offset) == (stride, offset)


def test_layers_of_zf5():
    backbone = build_backbone("zf5", 1)
    shapes = [tuple(layer.weight.shape) for layer in convolutions(backbone)]
    assert shapes == [
        (96, 3, 7, 7),
        (256, 96, 5, 5),
        (384, 256, 3, 3),
        (384, 384, 3, 3),
        (256, 384, 3, 3),
    ]
    # normalisation follows the ReLU and comes before pooling
    names = [type(layer).__name__ for layer in backbone]
    assert names[:4] == ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"]
    assert names[-2:] == ["Conv2d", "ReLU"]


def test_layers_of_alex5():
    backbone = build_backbone("alex5", 1)
    shapes = [tuple(layer.weight.shape) for layer in convolutions(backbone)]
    assert shapes == [
        (96, 3, 11, 11),
        (256, 48, 5, 5),  # two groups
        (384, 256, 3, 3),
        (384, 192, 3, 3),
        (256, 192, 3, 3),
    ]
    names = [type(layer).__name__ for layer in backbone]
    assert names[:4] == ["Conv2d", "ReLU", "MaxPool2d", "LocalResponseNorm"]


def kinds(backbone):
    """Types of the layers, without the ReLUs that follow each convolution."""
    names = [type(layer).__name__ for layer in backbone]
    after = [names[index + 1] for index, name in enumerate(names) if name == "Conv2d"]
    assert set(after) == {"ReLU"} and len(after) == names.count("ReLU")
    return " ".join(name for name in names if name != "ReLU")


def test_layers_of_convnet5():
    backbone = build_backbone("convnet5", 1)
    shapes = [tuple(layer.weight.shape) for layer in convolutions(backbone)]
    assert shapes == [
        (96, 3, 11, 11),
        (256, 96, 5, 5),
        (384, 256, 3, 3),
        (384, 384, 3, 3),
        (256, 384, 3, 3),
    ]
    # normalised but not pooled after conv1, pooled but not normalised after conv3
    assert kinds(backbone) == (
        "Conv2d LocalResponseNorm Conv2d LocalResponseNorm MaxPool2d Conv2d MaxPool2d Conv2d Conv2d"
    )


@pytest.mark.parametrize(("name", "count"), [("overfeat5", 5), ("overfeat7", 7)])
def test_layers_of_overfeat(name, count):
    backbone = build_backbone(name, 1)
    shapes = [tuple(layer.weight.shape) for layer in convolutions(backbone)]
    first = [(96, 3, 7, 7), (256, 96, 5, 5), (512, 256, 3, 3)]
    assert shapes == first + [(512, 512, 3, 3)] * (count - 3)
    start = "Conv2d MaxPool2d LocalResponseNorm Conv2d MaxPool2d" + " Conv2d" * (count - 2)
    assert kinds(backbone) == start
    pools = [layer for layer in backbone if isinstance(layer, nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 3), (2, 2)]


def test_only_one_padding_gives_overfeat_the_cells_of_the_release(monkeypatch):
    fitting, sides = [], set()
    for first, second in itertools.product(range(4), range(3)):
        rows = [*BACKBONES["overfeat5"]]
        rows[0], rows[3] = replace(rows[0], padding=first), replace(rows[3], padding=second)
        monkeypatch.setitem(BACKBONES, "tried", tuple(rows))
        backbone = build_backbone("tried", 0.125)
        sides.add(map_shape(backbone[:3], 224, 224)[1])
        if map_geometry(backbone).offset == 14 and map_shape(backbone, 224, 224)[1] == 18:
            fitting.append((first, second))
    assert fitting == [(0, 1)]
    assert min(sides) == 37  # Table 1 prints 36


@pytest.mark.parametrize("backbone", BACKBONES)
def test_biases_start_at_the_released_values(backbone):
    biases = [
        layer.bias.unique().tolist() for layer in convolutions(build_backbone(backbone, 0.125))
    ]
    assert biases == [[0], [1], [0]] + [[1]] * (len(biases) - 3)


@pytest.mark.parametrize(
    ("channels", "width", "multiple", "expected"),
    [(96, 0.125, 1, 12), (256, 1, 2, 256), (384, 0.1, 2, 38), (96, 0.01, 1, 4), (96, 0.01, 2, 4)],
)
def test_scaled_channels(channels, width, multiple, expected):
    assert scaled_channels(channels, width, multiple) == expected


@pytest.mark.parametrize("width", [0.01, 0.13, 0.5])
@pytest.mark.parametrize("name", BACKBONES)
def test_narrow_backbones_keep_their_layers(name, width):
    backbone = build_backbone(name, width)
    assert len(backbone) == len(build_backbone(name, 1))
    assert backbone_channels(backbone) == convolutions(backbone)[-1].out_channels
    assert backbone_channels(backbone) < backbone_channels(build_backbone(name, 1))


@pytest.mark.parametrize(
    ("backbone", "width", "part"),
    [
        ("vgg", 1, "unknown"),
        ("torchvision:nothing", 1, "torchvision"),
        ("torchvision:shufflenet_v2_x0_5", 1, "convolutional"),
        ("squeezenet", 0.5, "width 1"),
        ("torchvision:alexnet", 2, "width 1"),
        ("zf5", 0, "above 0"),
    ],
)
def test_impossible_backbones(backbone, width, part):
    with pytest.raises(SppnetError, match=part):
        build_backbone(backbone, width)


def test_too_small_images_are_refused():
    with pytest.raises(SppnetError, match="9 x 8 pixels"):
        map_shape(build_backbone("zf5", 0.125), 8, 9)


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    for backbone in ("zf5", "squeezenet", "efficientnet_lite0", "torchvision:resnet18"):
        build_backbone(backbone, 1)
    assert torch.equal(before, torch.get_rng_state())


def large_maps(channels, seed=0):
    """Values of the size that unit-free pixels give, so that the denominator matters."""
    generator = torch.Generator().manual_seed(seed)
    maps = 300 * torch.rand(1, channels, 3, 4, generator=generator, dtype=torch.float64)
    return maps.requires_grad_()


def test_normalisation_within_channels_by_its_definition():
    maps = large_maps(3)
    values = maps.detach().numpy()
    expected = np.empty_like(values)
    for n, c, y, x in np.ndindex(values.shape):
        near = values[n, c, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        expected[n, c, y, x] = values[n, c, y, x] / (1 + 5e-5 / 9 * (near**2).sum()) ** 0.75
    assert np.allclose(normalise_within_channel(maps).detach(), expected, rtol=1e-12)


@pytest.mark.parametrize("channels", [3, 8])
def test_normalisation_across_channels_equals_that_of_torch(channels):
    maps = large_maps(channels)
    expected = functional.local_response_norm(maps, 5, alpha=1e-4, beta=0.75, k=1.0)
    assert torch.allclose(normalise_across_channels(maps), expected, rtol=1e-12)


@pytest.mark.parametrize("normalise", [normalise_within_channel, normalise_across_channels])
def test_gradients_of_the_normalisations(normalise):
    assert torch.autograd.gradcheck(normalise, (large_maps(6),), eps=1e-3, atol=1e-6)


@pytest.mark.parametrize("normalise", [normalise_within_channel, normalise_across_channels])
def test_normalisations_keep_channels_last(normalise):
    maps = torch.rand(2, 8, 5, 5).contiguous(memory_format=torch.channels_last)
    assert normalise(maps).is_contiguous(memory_format=torch.channels_last)
