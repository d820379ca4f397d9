"""Where the cells of a feature map lie in the image, and how large their receptive field is."""

from dataclasses import dataclass

from torch import fx, nn

from sppnet.errors import SppnetError

# Layers and functions that compute each cell from itself, or from cells evenly around it, and so
# move no cell.
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
    """Position of the cells of a map in the input of the backbone, the same along x and y.

    Attributes:
        stride: pixels from one cell to the next.
        offset: pixel (0-based) under the centre of the first cell.
        shrink: pixels by which each side of a box moves inwards before it is mapped to cells.
    """

    stride: float
    offset: float
    shrink: float


@dataclass(frozen=True)
class _Grid:
    """Stride and first centre of one intermediate map, in input pixels."""

    stride: float
    offset: float


def map_geometry(backbone: nn.Module, shrink: float = 6.5) -> MapGeometry:
    """Stride and first centre of the cells of a backbone, computed layer by layer.

    A convolution or pooling with kernel k, dilation d, padding p and stride s moves the first
    centre by ((k - 1) d / 2 - p) times the stride so far, and multiplies that stride by s. A layer
    that pads with zeros moves it by -p, where p is the padding at the left.

    Args:
        backbone: images to maps; convolutions, max and average pooling, elementwise layers,
            branches.
        shrink: pixels, see `MapGeometry`.

    Returns:
        For ZF-5 with the released paddings: stride 16, offset 20.

    Raises:
        SppnetError: a layer whose effect on the cells is unknown, or differs between the axes, or
            branches that meet with different cells.

    Source: computed geometry; release spp_config (first centre and shrink of ZF-5).
    """
    try:
        graph = fx.symbolic_trace(backbone)
    except Exception as error:
        raise SppnetError(
            f"backbone: {type(backbone).__name__} cannot be traced ({error}); give a backbone "
            "without branches that depend on the data"
        ) from error
    grids: dict[fx.Node, _Grid | None] = {}
    for node in graph.graph.nodes:
        grids[node] = _node_grid(node, graph, grids)
        if node.op == "output":
            grid = grids[node]
    if grid is None:
        raise SppnetError(
            "backbone: its output does not depend on the image; give a convolutional one"
        )
    return MapGeometry(stride=grid.stride, offset=grid.offset, shrink=shrink)


def receptive_field(backbone: nn.Module) -> int:
    """Side of the square of input pixels on which a cell depends by convolution and pooling.

    Starting at 1 pixel, a layer with kernel k and dilation d adds (k - 1) d times the stride before
    it; where branches meet, the widest counts. The square is centred on the cell (`map_geometry`).
    Neighbourhoods of normalisation within channels are not counted.

    Args:
        backbone: as for `map_geometry`.

    Returns:
        Pixels; 139 for ZF-5.

    Raises:
        SppnetError: as `map_geometry`.

    Source: computed geometry.
    """
    map_geometry(backbone)  # refuses layers that the loop below cannot handle
    graph = fx.symbolic_trace(backbone)
    grids: dict[fx.Node, _Grid | None] = {}
    sides: dict[fx.Node, float] = {}
    for node in graph.graph.nodes:
        grids[node] = _node_grid(node, graph, grids)
        sides[node] = max((sides[source] for source in node.all_input_nodes), default=1.0)
        layer = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            input_grid = grids[node.all_input_nodes[0]] or _Grid(1.0, 0.0)
            dilation = _both_axes(getattr(layer, "dilation", 1), _name(node))
            kernel = _both_axes(layer.kernel_size, _name(node))
            sides[node] += (kernel - 1) * dilation * input_grid.stride
    return round(sides[node])


def _node_grid(
    node: fx.Node, graph: fx.GraphModule, grids: dict[fx.Node, _Grid | None]
) -> _Grid | None:
    """Cells of a node's value; None for one that does not depend on the image, such as a weight."""
    if node.op == "placeholder":
        return _Grid(1.0, 0.0)
    inputs = {grid for source in node.all_input_nodes if (grid := grids[source]) is not None}
    if len(inputs) > 1:
        raise SppnetError(
            f"backbone: branches with different cells meet at {_name(node)}: "
            f"{sorted((grid.stride, grid.offset) for grid in inputs)} (stride, offset)"
        )
    if not inputs or node.op == "output":
        return next(iter(inputs), None)
    (grid,) = inputs
    if node.op == "call_module":
        return _after_layer(grid, graph.get_submodule(str(node.target)), _name(node))
    if _function_name(node) not in STATIONARY_FUNCTIONS:
        raise _unknown(_name(node))
    return grid


def _after_layer(grid: _Grid, layer: nn.Module, name: str) -> _Grid:
    if isinstance(layer, STATIONARY_LAYERS):
        return grid
    if isinstance(layer, nn.ZeroPad2d):
        left, _, top, _ = layer.padding
        return _Grid(grid.stride, grid.offset - _both_axes((left, top), name) * grid.stride)
    if not isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        raise _unknown(f"{name} ({type(layer).__name__})")
    kernel, stride = _both_axes(layer.kernel_size, name), _both_axes(layer.stride, name)
    reach = (kernel - 1) * _both_axes(getattr(layer, "dilation", 1), name)
    by_name = {"valid": 0, "same": reach // 2}
    padding = layer.padding
    cells = by_name[padding] if isinstance(padding, str) else _both_axes(padding, name)
    return _Grid(grid.stride * stride, grid.offset + (reach / 2 - cells) * grid.stride)


def _both_axes(value: int | tuple[int, ...], name: str) -> int:
    values = {value} if isinstance(value, int) else set(value)
    if len(values) != 1:
        raise SppnetError(
            f"backbone: {name} differs between the axes ({value}); give a square layer"
        )
    return values.pop()


def _function_name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def _name(node: fx.Node) -> str:
    """Path of a layer as in the backbone, or the name of the function."""
    return (
        f"layer {node.target}" if node.op == "call_module" else f"function {_function_name(node)}"
    )


def _unknown(name: str) -> SppnetError:
    return SppnetError(
        f"backbone: the effect of {name} on the cells is unknown; give the convolutional part, "
        "without classifier"
    )
