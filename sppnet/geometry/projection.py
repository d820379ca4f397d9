"""Where the cells of a feature map lie in the image, and which cells a box covers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, fx, nn

from sppnet.errors import SppnetError
from sppnet.geometry.boxes import area

# Layers and functions that give every cell its own new value, or values of its neighbours evenly
# around it, and so move no cell.
STATIONARY_LAYERS = (
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU),
    *(nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Mish),
    *(nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LocalResponseNorm),
    *(nn.Dropout, nn.Dropout2d, nn.AlphaDropout),
)
STATIONARY_FUNCTIONS = frozenset(
    [
        "add",
        "iadd",
        "add_",
        "sub",
        "isub",
        "sub_",
        "mul",
        "imul",
        "mul_",
        "truediv",
        "div",
        "div_",
        "neg",
        "pow",
        "square",
        "sqrt",
        "rsqrt",
        "abs",
        "exp",
        "maximum",
        "minimum",
        "clamp",
        "clamp_",
        "cat",
        "concat",
        "concatenate",
        "relu",
        "relu_",
        "relu6",
        "leaky_relu",
        "elu",
        "gelu",
        "silu",
        "hardswish",
        "sigmoid",
        "tanh",
        "softplus",
        "batch_norm",
        "local_response_norm",
        "dropout",
        "dropout2d",
        "contiguous",
        "float",
        "clone",
        "stochastic_depth",
        "normalise_within_channel",
        "normalise_across_channels",
    ]
)


@dataclass(frozen=True)
class MapGeometry:
    """Position of the cells of a map in the input of the trunk, the same along x and y.

    Attributes:
        stride: pixels from one cell to the next.
        offset: pixel (0-based) under the centre of the first cell.
        shrink: pixels by which a box is drawn in on each side before it takes the nearest cells.

    Source: release spp_config; computed geometry.
    """

    stride: float
    offset: float
    shrink: float


@dataclass(frozen=True)
class _Place:
    """Stride and first centre of one intermediate map, in input pixels."""

    stride: float
    offset: float


def map_geometry(trunk: nn.Module, shrink: float = 6.5) -> MapGeometry:
    """Stride and first centre of the cells of a trunk, followed layer by layer.

    A convolution or pooling with kernel k, dilation d, padding p and stride s moves the first
    centre by ((k - 1) d / 2 - p) times the stride so far, and multiplies that stride by s.

    Args:
        trunk: images to maps; convolutions, max and average pooling, elementwise layers, branches.
        shrink: pixels, see `MapGeometry`.

    Returns:
        For ZF-5 with the released paddings: stride 16, offset 20.

    Raises:
        SppnetError: a layer whose effect on the cells is unknown, or differs between the axes, or
            branches that meet with different cells.

    Source: computed geometry; release spp_config (first centre and shrink of ZF-5).
    """
    try:
        graph = fx.symbolic_trace(trunk)
    except Exception as error:
        raise SppnetError(
            f"trunk: {type(trunk).__name__} cannot be traced ({error}); give a trunk without "
            "branches that depend on the data"
        ) from error
    places: dict[fx.Node, _Place | None] = {}
    for node in graph.graph.nodes:
        places[node] = _node_place(node, graph, places)
        if node.op == "output":
            place = places[node]
    if place is None:
        raise SppnetError(
            "trunk: its output does not depend on the image; give a convolutional one"
        )
    return MapGeometry(stride=place.stride, offset=place.offset, shrink=shrink)


def receptive_field(trunk: nn.Module) -> int:
    """Side of the square of input pixels that convolutions and pools let one cell see.

    Each one with kernel k and dilation d adds (k - 1) d times the stride before it to the 1 pixel
    that a pixel sees of itself; where branches meet, the widest counts. The square lies around the
    cell's centre (`map_geometry`). Neighbourhoods of normalisations within channels are left out.

    Args:
        trunk: as for `map_geometry`.

    Returns:
        Pixels; 139 for ZF-5.

    Raises:
        SppnetError: as `map_geometry`.

    Source: computed geometry.
    """
    map_geometry(trunk)  # refuses what the steps below could not follow
    graph = fx.symbolic_trace(trunk)
    places: dict[fx.Node, _Place | None] = {}
    sides: dict[fx.Node, float] = {}
    for node in graph.graph.nodes:
        places[node] = _node_place(node, graph, places)
        sides[node] = max((sides[source] for source in node.all_input_nodes), default=1.0)
        layer = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            before = places[node.all_input_nodes[0]] or _Place(1.0, 0.0)
            dilation = _both_axes(getattr(layer, "dilation", 1), _name(node))
            kernel = _both_axes(layer.kernel_size, _name(node))
            sides[node] += (kernel - 1) * dilation * before.stride
    return round(sides[node])


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
        geometry: of the trunk that made the map.
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
    """Pixels of the resized image per original pixel, first and last pixels falling together.

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
    """Scale of each box at which it is nearest to target² pixels; of equals, the first in the list.

    Args:
        boxes: `Tensor[K, 4]` in pixels of the original image.
        short_side: shorter side of the original image in pixels.
        scales: shorter sides of the resized image in pixels.
        target: side in pixels of a square as large as a box should be.

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


def first_of_equal(windows: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows come first among equal ones: boxes of nearly the same place share a window.

    Args:
        windows: integer `Tensor[K, N]`, a window or any other key per row.

    Returns:
        int64 `Tensor[J]`, the first of each group of equal rows, and int64 `Tensor[K]`, the number
        of each row's group.
    """
    _, first, place = np.unique(windows.numpy(), axis=0, return_index=True, return_inverse=True)
    return torch.from_numpy(first), torch.from_numpy(place.reshape(-1))


def _check_projection(boxes: Tensor, map_size: tuple[int, int]) -> None:
    if min(map_size) < 1:
        raise SppnetError(f"map: {map_size} cells; give a map of at least one cell")
    area(boxes)
    bad = (~boxes.isfinite()).any(dim=1).nonzero().flatten().tolist()
    if bad:
        values = [value if math.isfinite(value) else str(value) for value in boxes[bad[0]].tolist()]
        raise SppnetError(f"boxes: row {bad[0]} is {values}; give finite pixels")


def _node_place(
    node: fx.Node, graph: fx.GraphModule, places: dict[fx.Node, _Place | None]
) -> _Place | None:
    """Cells of the value of a node; None for a value that no image enters, such as a weight."""
    if node.op == "placeholder":
        return _Place(1.0, 0.0)
    found = {place for source in node.all_input_nodes if (place := places[source]) is not None}
    if len(found) > 1:
        raise SppnetError(
            f"trunk: branches with different cells meet at {_name(node)}: "
            f"{sorted((place.stride, place.offset) for place in found)} (stride, offset)"
        )
    if not found or node.op == "output":
        return next(iter(found), None)
    (place,) = found
    if node.op == "call_module":
        return _after_layer(place, graph.get_submodule(str(node.target)), _name(node))
    if _function_name(node) not in STATIONARY_FUNCTIONS:
        raise _unknown(_name(node))
    return place


def _after_layer(place: _Place, layer: nn.Module, name: str) -> _Place:
    if isinstance(layer, STATIONARY_LAYERS):
        return place
    if not isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        raise _unknown(f"{name} ({type(layer).__name__})")
    kernel, stride = _both_axes(layer.kernel_size, name), _both_axes(layer.stride, name)
    reach = (kernel - 1) * _both_axes(getattr(layer, "dilation", 1), name)
    named = {"valid": 0, "same": reach // 2}
    padding = layer.padding
    before = named[padding] if isinstance(padding, str) else _both_axes(padding, name)
    return _Place(place.stride * stride, place.offset + (reach / 2 - before) * place.stride)


def _both_axes(value: int | tuple[int, ...], name: str) -> int:
    values = {value} if isinstance(value, int) else set(value)
    if len(values) != 1:
        raise SppnetError(f"trunk: {name} differs between the axes ({value}); give a square layer")
    return values.pop()


def _function_name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def _name(node: fx.Node) -> str:
    """Path of a layer as in the trunk, or the name of the function."""
    return (
        f"layer {node.target}" if node.op == "call_module" else f"function {_function_name(node)}"
    )


def _unknown(name: str) -> SppnetError:
    return SppnetError(
        f"trunk: how {name} moves the cells is not known; give the convolutional part only, "
        "without classifier"
    )
