"""Backbones: Table 1 of the paper as rows of data, SqueezeNet, EfficientNet-Lite0, torchvision's.

A backbone maps images (N, 3, H, W) to feature maps (N, C, H', W'); any last pooling layer is left
out, because the pyramid replaces it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.models.settings import TORCHVISION_PREFIX


@dataclass(frozen=True)
class Conv:
    """A convolution and the ReLU after it; `bias` is its initial value."""

    channels: int
    kernel: int
    stride: int
    padding: int
    groups: int = 1
    bias: float = 0.0


@dataclass(frozen=True)
class Pool:
    """Max pooling without padding; a last partial window counts (Caffe's rounding)."""

    kernel: int
    stride: int


@dataclass(frozen=True)
class Lrn:
    """Local response normalisation within or across channels."""

    kind: Literal["within", "across"]


Row = Conv | Pool | Lrn

# The paddings are those of the released prototxt (224 -> 110, 55, 26, 13). Table 1 prints 27 for
# conv2, which no released file reproduces.
ZF5: tuple[Row, ...] = (
    Conv(96, 7, 2, 1, bias=0.0),
    Lrn("within"),
    Pool(3, 2),
    Conv(256, 5, 2, 0, bias=1.0),
    Lrn("within"),
    Pool(3, 2),
    Conv(384, 3, 1, 1, bias=0.0),
    Conv(384, 3, 1, 1, bias=1.0),
    Conv(256, 3, 1, 1, bias=1.0),
)

# The Caffe reference network of the R-CNN release: pooling before normalisation, two groups.
ALEX5: tuple[Row, ...] = (
    Conv(96, 11, 4, 0, bias=0.0),
    Pool(3, 2),
    Lrn("across"),
    Conv(256, 5, 1, 2, groups=2, bias=1.0),
    Pool(3, 2),
    Lrn("across"),
    Conv(384, 3, 1, 1, bias=0.0),
    Conv(384, 3, 1, 1, groups=2, bias=1.0),
    Conv(256, 3, 1, 1, groups=2, bias=1.0),
)

# Krizhevsky's network with its pools moved after conv2 and conv3. The paper does not say which
# normalisation it means: across channels as in the original. Biases too: 1 in conv2, conv4 and
# conv5 (AlexNet §5).
CONVNET5: tuple[Row, ...] = (
    # 2 and 3 both give 55 from 224; with 2 the cells lie evenly, 15 and 16 pixels from the edges.
    Conv(96, 11, 4, 2, bias=0.0),
    Lrn("across"),
    Conv(256, 5, 1, 2, bias=1.0),  # 2 keeps 55, which pooling reduces to the 27 of Table 1
    Lrn("across"),
    Pool(3, 2),
    Conv(384, 3, 1, 1, bias=0.0),  # 1 keeps 27, which pooling reduces to 13
    Pool(3, 2),
    Conv(384, 3, 1, 1, bias=1.0),  # 1 keeps 13
    Conv(256, 3, 1, 1, bias=1.0),
)

# Normalisation across channels and the biases of the first five as in CONVNET5, 1 in the others.
OVERFEAT5: tuple[Row, ...] = (
    # 0 here and 1 in conv2: the only pair that gives the stride 12, first centre 14 and 18 cells
    # that the release's subsample_images.m has. Table 1 prints 36 for conv1, this gives 37, and
    # under Caffe's rounding of pools no padding gives less.
    Conv(96, 7, 2, 0, bias=0.0),
    Pool(3, 3),
    Lrn("across"),
    Conv(256, 5, 1, 1, bias=1.0),
    Pool(2, 2),
    Conv(512, 3, 1, 1, bias=0.0),  # 1 keeps 18, from here on
    Conv(512, 3, 1, 1, bias=1.0),
    Conv(512, 3, 1, 1, bias=1.0),
)
OVERFEAT7: tuple[Row, ...] = (
    *OVERFEAT5,
    Conv(512, 3, 1, 1, bias=1.0),
    Conv(512, 3, 1, 1, bias=1.0),
)

BACKBONES: dict[str, tuple[Row, ...]] = {
    "zf5": ZF5,
    "convnet5": CONVNET5,
    "overfeat5": OVERFEAT5,
    "overfeat7": OVERFEAT7,
    "alex5": ALEX5,
}


@dataclass(frozen=True)
class InvertedResiduals:
    """Consecutive blocks of EfficientNet; the first has the stride."""

    blocks: int
    channels: int
    kernel: int
    stride: int
    expansion: int = 6


EFFICIENTNET_LITE0 = (
    InvertedResiduals(1, 16, 3, 1, expansion=1),
    InvertedResiduals(2, 24, 3, 2),
    InvertedResiduals(2, 40, 5, 2),
    InvertedResiduals(3, 80, 3, 2),
    InvertedResiduals(3, 112, 5, 1),
    InvertedResiduals(4, 192, 5, 2),
    InvertedResiduals(1, 320, 3, 1),
)
# That of ZF-5: the last stride of 2 becomes 1, the depthwise kernels behind it are dilated by 2.
# Every second cell is then one of the network as it was trained.
EFFICIENTNET_STRIDE = 16
EFFICIENTNET_FIRST_BLOCK = 4  # behind padding, convolution, batch norm and ReLU6


class _Normalisation(torch.autograd.Function):
    """x (1 + sum of kernel x^2)^-0.75 for a kernel that is its own transpose.

    Written out because torch's own layer, and its automatic gradient, take most of the training
    time of a narrow network on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, kernel: Tensor, groups: int) -> Tensor:
        ctx.groups, padding = groups, kernel.shape[-1] // 2
        base = functional.conv2d(maps * maps, kernel, padding=padding, groups=groups).add_(1.0)
        root = base.rsqrt()
        factor = root.sqrt().mul_(root)
        ctx.save_for_backward(maps, kernel, base, factor)
        return maps * factor

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        maps, kernel, base, factor = ctx.saved_tensors
        direct = gradient * factor
        weighted = (direct * maps).div_(base)
        spread = functional.conv2d(
            weighted, kernel, padding=kernel.shape[-1] // 2, groups=ctx.groups
        )
        return direct.sub_(spread.mul_(maps).mul_(1.5)), None, None


def _normalise(maps: Tensor, kernel: Tensor, groups: int) -> Tensor:
    if maps.dtype == torch.bfloat16:  # mixed precision; the divisor is too close to 1 for it
        with torch.autocast(maps.device.type, enabled=False):
            return _normalise(maps.float(), kernel.float(), groups)
    return cast(Tensor, _Normalisation.apply(maps, kernel, groups))  # type: ignore[no-untyped-call]


def normalise_within_channel(maps: Tensor) -> Tensor:
    """x (1 + alpha/9 sum of x^2 over the 3 x 3 neighbourhood in the channel)^-0.75, alpha 5e-5.

    The neighbourhood is cut at the border, but still divided by 9.

    Args:
        maps: (N, C, H, W).

    Source: release Zeiler_conv5.prototxt (norm1, norm2); release lrn_layer.cpp.
    """
    channels = maps.shape[1]
    kernel = maps.new_full((channels, 1, 3, 3), 5e-5 / 9)
    return _normalise(maps, kernel, channels)


def normalise_across_channels(maps: Tensor) -> Tensor:
    """x (1 + alpha/5 sum of x^2 over 5 neighbouring channels)^-0.75, alpha 1e-4.

    Args:
        maps: (N, C, H, W).

    Source: AlexNet §3.3 (with the constants of the Caffe reference network).
    """
    index = torch.arange(maps.shape[1], device=maps.device)
    neighbours = (index[:, None] - index).abs() <= 2
    kernel = neighbours.to(maps.dtype)[:, :, None, None] * (1e-4 / 5)
    return _normalise(maps, kernel, 1)


# Graph tracing (`map_geometry`) then treats each normalisation as one function.
torch.fx.wrap("normalise_within_channel")
torch.fx.wrap("normalise_across_channels")


class LocalResponseNorm(nn.Module):
    """Layer form of the two normalisations."""

    def __init__(self, kind: Literal["within", "across"]) -> None:
        """kind: "within" (ZF-5) or "across" (the others) channels."""
        super().__init__()
        self.kind = kind

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        if self.kind == "within":
            return normalise_within_channel(maps)
        return normalise_across_channels(maps)


def build_backbone(name: str, width: float) -> nn.Sequential:
    """Build a backbone with uninitialised weights and initial biases.

    Args:
        name: one in `BACKBONES`, "squeezenet" (v1.0 up to fire9), "efficientnet_lite0" (up to block
            15, at stride 16) or "torchvision:NAME".
        width: factor on the numbers of channels of those in `BACKBONES`; 1 for the others.

    Raises:
        SppnetError: unknown backbone, or a width that it does not have.

    Source: paper Table 1; release Zeiler_conv5.prototxt (ZF-5); computed padding (the others);
        RCNN §2.1 (Alex-5).
    """
    if name in BACKBONES:
        if width <= 0:
            raise SppnetError(f"width: must be above 0, got {width}; 1 is the paper's network")
        return _backbone_from_rows(BACKBONES[name], width)
    if width != 1:
        raise SppnetError(f"width: {name} exists at width 1 only, got {width}; set width to 1")
    if name == "squeezenet":
        return _torchvision_backbone("squeezenet1_0")
    if name == "efficientnet_lite0":
        return _efficientnet_lite0()
    if name.startswith(TORCHVISION_PREFIX):
        return _torchvision_backbone(name.removeprefix(TORCHVISION_PREFIX))
    known = ", ".join(BACKBONES)
    raise SppnetError(
        f"backbone: {name!r} is unknown; use {known}, squeezenet, efficientnet_lite0 or "
        f"{TORCHVISION_PREFIX}NAME"
    )


def _backbone_from_rows(rows: tuple[Row, ...], width: float) -> nn.Sequential:
    convolutions = [row for row in rows if isinstance(row, Conv)]
    multiple = max(row.groups for row in convolutions)
    layers: list[nn.Module] = []
    channels = 3
    for row in rows:
        if isinstance(row, Conv):
            out_channels = scaled_channels(row.channels, width, multiple)
            layers += [_convolution(channels, out_channels, row), nn.ReLU(inplace=True)]
            channels = out_channels
        elif isinstance(row, Pool):
            layers.append(nn.MaxPool2d(row.kernel, row.stride, ceil_mode=True))
        else:
            layers.append(LocalResponseNorm(row.kind))
    return nn.Sequential(*layers)


def scaled_channels(channels: int, width: float, multiple: int) -> int:
    """Channel number at a width: the nearest multiple of `multiple`, at least 4."""
    return max(4, round(channels * width / multiple) * multiple)


def _convolution(channels: int, out_channels: int, row: Conv) -> nn.Conv2d:
    # Made on the meta device, as torch would draw weights from its global generator.
    convolution = nn.Conv2d(
        channels,
        out_channels,
        row.kernel,
        stride=row.stride,
        padding=row.padding,
        groups=row.groups,
        device="meta",
    ).to_empty(device="cpu")
    assert convolution.bias is not None
    nn.init.constant_(convolution.bias, row.bias)
    return convolution


class _Residual(nn.Sequential):
    """Layers whose output is added to their input."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps + cast(Tensor, super().forward(maps))  # type: ignore[no-untyped-call]


def _efficientnet_lite0() -> nn.Sequential:
    """The stem, and block n at index `EFFICIENTNET_FIRST_BLOCK` + n."""
    # torch draws initial weights from the global generator: restore its state afterwards.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        blocks: list[nn.Module] = []
        channels, stride, dilation = 32, 2, 1
        for row in EFFICIENTNET_LITE0:
            for number in range(row.blocks):
                trained = row.stride if number == 0 else 1
                kept = trained if stride * trained <= EFFICIENTNET_STRIDE else 1
                blocks.append(_inverted_residual(channels, row, kept, dilation))
                channels, stride, dilation = row.channels, stride * kept, dilation * trained // kept
        stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        padding, relu = _same_padding(3, 2, 1), nn.ReLU6(inplace=True)
        return nn.Sequential(padding, stem, _batch_norm(32), relu, *blocks)


def _inverted_residual(
    channels: int, row: InvertedResiduals, stride: int, dilation: int
) -> nn.Sequential:
    """Expansion to more channels, a depthwise convolution, and a projection without activation."""
    inner = channels * row.expansion
    layers: dict[str, nn.Module] = {}
    if row.expansion > 1:
        layers |= {
            "expand_conv": nn.Conv2d(channels, inner, 1, bias=False),
            "bn0": _batch_norm(inner),
            "relu0": nn.ReLU6(inplace=True),
        }
    depthwise = nn.Conv2d(
        inner, inner, row.kernel, stride, dilation=dilation, groups=inner, bias=False
    )
    layers |= {
        "pad": _same_padding(row.kernel, stride, dilation),
        "depthwise_conv": depthwise,
        "bn1": _batch_norm(inner),
        "relu1": nn.ReLU6(inplace=True),
        "project_conv": nn.Conv2d(inner, row.channels, 1, bias=False),
        "bn2": _batch_norm(row.channels),
    }
    kind = _Residual if stride == 1 and channels == row.channels else nn.Sequential
    return kind(OrderedDict(layers))


def _same_padding(kernel: int, stride: int, dilation: int) -> nn.ZeroPad2d:
    """TensorFlow's padding of maps with an even number of cells, as in training at 224 pixels.

    At stride 2 there is one cell more at the right and at the bottom.
    """
    total = (kernel - 1) * dilation - (stride - 1)
    before, after = total // 2, total - total // 2
    return nn.ZeroPad2d((before, after, before, after))


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _torchvision_backbone(name: str) -> nn.Sequential:
    import torchvision  # slow to import, and our own backbones do not need it

    # torchvision draws initial weights from the global generator: restore its state afterwards.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            model = torchvision.models.get_model(name, weights=None)
        except ValueError as error:
            raise SppnetError(f"backbone: torchvision has no model {name!r}: {error}") from error
    resnet = isinstance(model, torchvision.models.ResNet)
    backbone = _without_head(model) if resnet else getattr(model, "features", None)
    if not isinstance(backbone, nn.Sequential):
        raise SppnetError(
            f"backbone: {TORCHVISION_PREFIX}{name} has no convolutional part that can be cut off; "
            "choose a model with `features` or a ResNet"
        )
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return backbone


def _without_head(resnet: nn.Module) -> nn.Sequential:
    names = [name for name, _ in resnet.named_children()]
    return nn.Sequential(*list(resnet.children())[: names.index("avgpool")])


def map_shape(backbone: nn.Module, height: int, width: int) -> tuple[int, int, int]:
    """Channels, height and width of a backbone's maps of one image, without computing them.

    Args:
        backbone: any module from images (N, 3, H, W) to maps.
        height, width: of the image in pixels.

    Raises:
        SppnetError: the image is too small for the backbone.
    """
    state = {**dict(backbone.named_parameters()), **dict(backbone.named_buffers())}
    # a network for inference has some weights in another precision
    shapes_only = {
        name: tensor.detach().to("meta", torch.float32) for name, tensor in state.items()
    }
    image = torch.empty(1, 3, height, width, device="meta")
    try:
        maps = torch.func.functional_call(backbone, shapes_only, image)
    except RuntimeError as error:
        raise SppnetError(
            f"image size: {width} x {height} pixels are too few for this backbone; use larger ones"
        ) from error
    return maps.shape[1], maps.shape[2], maps.shape[3]


def backbone_channels(backbone: nn.Module) -> int:
    """Number of channels C of a backbone's maps."""
    return map_shape(backbone, 224, 224)[0]
