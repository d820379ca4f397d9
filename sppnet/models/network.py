"""The network: backbone, spatial pyramid, fc6, fc7 and the classifier fc8."""

import copy
import json
from contextlib import AbstractContextManager, nullcontext

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.backends import mkldnn
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.geometry.pyramid import SpatialPyramidPooling
from sppnet.models import settings
from sppnet.models.backbones import backbone_channels, build_backbone
from sppnet.models.settings import Initialisation

GAUSSIAN_STD = 0.01  # every layer of the released prototxt


class Architecture(settings.Architecture):
    """Everything needed to rebuild a network around its weights and to feed it."""

    classes: tuple[str, ...] = Field(
        description="Names in the order of the outputs, background not included."
    )
    background: bool = Field(
        default=False, description='A further output at index 0 stands for "no object".'
    )

    @property
    def outputs(self) -> int:
        """Number of outputs of fc8."""
        return len(self.classes) + int(self.background)

    def to_json(self) -> str:
        """One line of JSON, the same for equal architectures."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Architecture":
        """Inverse of `to_json`.

        Raises:
            SppnetError: not the JSON of an architecture.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()
            raise SppnetError(f"architecture: not readable ({reason}); write it anew") from error


class Network(nn.Module):
    """backbone -> spatial pyramid -> fc6 -> fc7 -> fc8, with dropout on fc6 and fc7.

    Dropout scales while training, so that nothing is left to do at test time.

    Attributes:
        dropout: share of units that is left out in training; no part of a saved network.
        keeps_statistics: whether batch normalisation stays as it is in training, apart from its
            scales and offsets; no part of a saved network.

    Source: paper §3.1; release dropout_layer.cpp (why nothing should be left).
    """

    def __init__(self, architecture: Architecture) -> None:
        """Build the layers; the weights are unset: see `build_network` and `load_network`."""
        super().__init__()
        self.architecture = architecture
        self.dropout = 0.5
        self.keeps_statistics = False
        backbone = build_backbone(architecture.backbone, architecture.width)
        # Channels last: the CPU convolutions are 2.5 times faster.
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.pool = SpatialPyramidPooling(architecture.levels)
        bins = sum(level * level for level in architecture.levels)
        inputs = backbone_channels(backbone) * bins
        self.fc6 = _linear(inputs, architecture.fc)
        self.fc7 = _linear(architecture.fc, architecture.fc)
        self.fc8 = _linear(architecture.fc, architecture.outputs)

    def maps(self, images: Tensor) -> Tensor:
        """Feature maps of the last convolution: (N, 3, H, W) -> (N, C, H', W')."""
        with self._autocast():
            maps: Tensor = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return self._result(maps) / self.architecture.map_std

    def maps_after(self, images: Tensor, layers: int) -> tuple[Tensor, Tensor]:
        """Output of the first layers of the backbone, undivided, and `maps` of the same images."""
        with self._autocast():
            inputs = images.contiguous(memory_format=torch.channels_last)
            first: Tensor = self.backbone[:layers](inputs)
            maps: Tensor = self.backbone[layers:](first)
        return self._result(first), self._result(maps) / self.architecture.map_std

    def hidden(self, pool5: Tensor) -> dict[str, Tensor]:
        """fc6 and fc7 of pooled maps (N, D), both (N, fc), after ReLU and without dropout."""
        with self._autocast():
            fc6 = _activations(self.fc6, pool5)
            fc7 = _activations(self.fc7, fc6)
        return {"fc6": self._result(fc6), "fc7": self._result(fc7)}

    def head(self, pool5: Tensor) -> Tensor:
        """Logits (N, outputs) of pooled maps (N, D); dropout acts in training mode only."""
        with self._autocast():
            fc6 = functional.dropout(_activations(self.fc6, pool5), self.dropout, self.training)
            fc7 = functional.dropout(_activations(self.fc7, fc6), self.dropout, self.training)
            logits: Tensor = self.fc8(fc7)
        return self._result(logits)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, outputs) of preprocessed images (N, 3, H, W)."""
        return self.head(self.pool(self.maps(images)))

    def to_bfloat16(self) -> "Network":
        """Convolve and multiply in bfloat16 from now on, for inference; returns itself.

        Images, pooled maps and all results stay in single precision, as do sums inside a product,
        response normalisation and batch normalisation.
        """
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.to(torch.bfloat16)
        return self

    @property
    def _in_bfloat16(self) -> bool:
        return self.fc6.weight.dtype == torch.bfloat16

    def _autocast(self) -> AbstractContextManager[None]:
        """Casts the inputs of layers; an autocast of mixed training stays as it is."""
        if not self._in_bfloat16:
            return nullcontext()
        return torch.autocast(self.fc6.weight.device.type, torch.bfloat16)

    def _result(self, values: Tensor) -> Tensor:
        return values.float() if self._in_bfloat16 else values

    def train(self, mode: bool = True) -> "Network":
        """As usual, but statistics stay in a frozen backbone, and where `keeps_statistics`."""
        super().train(mode)
        weights = self.backbone.parameters()
        self.backbone.train(mode and any(weight.requires_grad for weight in weights))
        for layer in self.backbone.modules() if self.keeps_statistics else ():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")


def _activations(layer: nn.Linear, inputs: Tensor) -> Tensor:
    """A fully connected layer (N, D) -> (N, fc) and its ReLU."""
    one_dnn: bool = mkldnn.is_available()  # type: ignore[no-untyped-call]
    single = layer.weight.dtype == torch.float32
    if torch.is_grad_enabled() or inputs.device.type != "cpu" or not (one_dnn and single):
        return functional.relu(layer(inputs))
    # In single precision the layer calls MKL, which takes twice as long on an AMD processor with
    # AVX-512.
    product = torch.ops.mkldnn._linear_pointwise
    activations: Tensor = product(inputs, layer.weight, layer.bias, "relu", [], "")
    return activations


def build_network(
    architecture: Architecture,
    *,
    initialisation: Initialisation,
    generator: torch.Generator,
) -> Network:
    """A network ready for training.

    Args:
        architecture: its layers.
        initialisation: "gaussian" as released (standard deviation 0.01, biases 0 or 1 by layer),
            "he" for small networks: variance 2 / fan-in, biases 0, classifier as "gaussian".
        generator: source of the weights.

    Raises:
        SppnetError: unknown initialisation, backbone or width.

    Source: release Zeiler_conv5.prototxt; He 2015 ("he").
    """
    if initialisation not in ("gaussian", "he"):
        raise SppnetError(f"initialisation: {initialisation!r} is unknown; use gaussian or he")
    network = Network(architecture)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                _initialise(layer, initialisation, generator)
        if initialisation == "he":
            network.fc8.weight.normal_(0, GAUSSIAN_STD, generator=generator)
    return network


def _initialise(layer: nn.Conv2d | nn.Linear, kind: str, generator: torch.Generator) -> None:
    fan_in = layer.weight[0].numel()
    std = GAUSSIAN_STD if kind == "gaussian" else (2 / fan_in) ** 0.5
    # Drawn in plain layout: the same numbers whatever the memory layout of the weights.
    layer.weight.copy_(torch.empty(layer.weight.shape).normal_(0, std, generator=generator))
    if layer.bias is None:
        return
    if kind == "he":
        layer.bias.zero_()
    elif isinstance(layer, nn.Linear):
        layer.bias.fill_(1.0)


def replace_classifier(
    network: Network,
    classes: tuple[str, ...],
    *,
    background: bool,
    generator: torch.Generator,
    std: float,
) -> Network:
    """A copy of the network with a new, untrained fc8 for other classes.

    Args:
        network: stays as it is.
        classes: class names in the order of the outputs.
        background: output 0 stands for "no object", the classes follow.
        generator: source of the weights.
        std: standard deviation of the new weights (the paper's 0.01); biases start at 0, which
            equals the release's 1 under softmax.

    Source: paper §4.1 (21-way fc8, deviation 0.01); release spp_finetune_voc.m.
    """
    changed = copy.deepcopy(network)
    changed.architecture = network.architecture.model_copy(
        update={"classes": tuple(classes), "background": background}
    )
    device = network.fc8.weight.device
    fc8 = _linear(network.architecture.fc, changed.architecture.outputs)
    with torch.no_grad():
        fc8.weight.normal_(0, std, generator=generator)
        fc8.bias.zero_()
    changed.fc8 = fc8.to(device)
    return changed


def with_background(network: Network, classes: tuple[str, ...], seed: int, std: float) -> Network:
    """A copy with a new fc8 over background and the classes (see `replace_classifier`)."""
    generator = torch.Generator().manual_seed(seed)
    return replace_classifier(network, classes, background=True, generator=generator, std=std)


def freeze_backbone(network: Network) -> None:
    """Exclude the backbone from training; its maps are then computed without gradients."""
    for weight in network.backbone.parameters():
        weight.requires_grad_(False)
