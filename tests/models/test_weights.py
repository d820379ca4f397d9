import pickle
import re

import numpy as np
import pytest
import torch
import torchvision
from torchvision.models.squeezenet import Fire

from sppnet.errors import SppnetError
from sppnet.models.backbones import build_backbone
from sppnet.models.network import Architecture, build_network
from sppnet.models.settings import Inference
from sppnet.models.weights import (
    import_backbone,
    load_backbone,
    load_network,
    load_tensors,
    network_sha,
    save_backbone,
    save_network,
    save_tensors,
)

ARCHITECTURE = Architecture(
    backbone="zf5",
    width=0.0625,
    levels=(3, 1),
    fc=8,
    classes=("ape", "bee"),
    mean=(104.0, 117.0, 123.0),
    std=58.0,
    channel_order="BGR",
)
PACKAGE = "package:some-weights==1.2"
PARTS = {"conv1x1_1": "squeeze", "conv1x1_2": "expand1x1", "conv3x3_2": "expand3x3"}


def network(seed=0, **changes):
    architecture = ARCHITECTURE.model_copy(update=changes)
    generator = torch.Generator().manual_seed(seed)
    return build_network(architecture, initialisation="he", generator=generator)


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def backbone_state(backbone, seed=0):
    """Weights of a backbone, every tensor with its own random values."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
        for name, tensor in build_backbone(backbone, 1).state_dict().items()
    }


def refused(part, call, *arguments):
    with pytest.raises(SppnetError, match=part) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)


def test_tensors_and_text_come_back(tmp_path):
    turned = torch.arange(6.0).view(2, 3).t()
    tensors = {"turned": turned, "whole": torch.tensor([3, -4]), "half": torch.ones(2).half()}
    save_tensors(tmp_path / "a.safetensors", tensors, {"text": "é"})
    found, text = load_tensors(tmp_path / "a.safetensors")
    assert equal(found, tensors) and text == {"text": "é"}
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        name: tensor.dtype for name, tensor in tensors.items()
    }


def test_a_network_comes_back_with_its_architecture(tmp_path):
    net = network(background=True)
    save_network(tmp_path / "net.safetensors", net)
    found = load_network(tmp_path / "net.safetensors", "cpu")
    assert found.architecture == net.architecture and not found.training
    assert equal(found.state_dict(), net.state_dict())
    images = torch.rand(1, 3, 80, 90)
    assert torch.equal(found(images), net.eval()(images))


def test_a_network_is_loaded_in_the_precision_of_inference(tmp_path):
    path, images = tmp_path / "net.safetensors", torch.rand(1, 3, 80, 90)
    save_network(path, network())
    reduced = load_network(path, "cpu", Inference(precision="bfloat16"))
    assert {each.dtype for each in reduced.parameters()} == {torch.bfloat16}
    with torch.inference_mode():
        assert torch.equal(reduced(images), network().to_bfloat16().eval()(images))
    for full in (load_network(path, "cpu"), load_network(path, "cpu", Inference())):
        assert {each.dtype for each in full.parameters()} == {torch.float32}


def test_equal_networks_are_equal_files(tmp_path):
    for name in ("first", "second"):
        save_network(tmp_path / name, network())
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_the_hash_follows_weights_and_architecture():
    net, changed = network(), network()
    assert network_sha(net) == network_sha(changed)
    with torch.no_grad():
        changed.fc8.bias[0] += 1
    hashes = [network_sha(each) for each in (net, changed, network(channel_order="RGB"))]
    assert len(set(hashes)) == 3


def test_a_backbone_comes_from_a_backbone_file_or_a_whole_network(tmp_path):
    state = backbone_state("zf5")
    save_backbone(tmp_path / "backbone", "zf5", state)
    net = network(width=1.0)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    load_backbone(net, tmp_path / "backbone")
    assert equal(net.backbone.state_dict(), state)
    assert torch.equal(net.fc6.weight, before["fc6.weight"])
    save_network(tmp_path / "whole", net)
    other = network(seed=1, width=1.0, fc=4, classes=("one",))
    load_backbone(other, tmp_path / "whole")
    assert equal(other.backbone.state_dict(), state)


def test_a_backbone_of_another_backbone_or_width_is_refused(tmp_path):
    save_backbone(tmp_path / "backbone", "zf5", backbone_state("zf5"))
    refused("backbone: holds the backbone zf5, not alex5", load_backbone, network(backbone="alex5"),
            tmp_path / "backbone")  # fmt: skip
    refused("backbone: weights do not fit", load_backbone, network(), tmp_path / "backbone")
    save_network(tmp_path / "net", network(backbone="alex5"))
    refused("net: holds the backbone alex5, not zf5", load_backbone, network(), tmp_path / "net")


def test_a_backbone_is_not_saved_under_another_name(tmp_path):
    refused(
        "alex5: weights do not fit", save_backbone, tmp_path / "a", "alex5", backbone_state("zf5")
    )
    assert not list(tmp_path.iterdir())


def test_weights_of_another_architecture_are_refused(tmp_path):
    text = {"architecture": ARCHITECTURE.model_copy(update={"fc": 9}).to_json()}
    save_tensors(tmp_path / "net", network().state_dict(), text)
    refused("net: weights do not fit", load_network, tmp_path / "net", "cpu")
    save_tensors(tmp_path / "plain", network().state_dict(), {})
    refused("plain: holds no network", load_network, tmp_path / "plain", "cpu")
    save_tensors(tmp_path / "odd", network().state_dict(), {"architecture": "{}"})
    refused("architecture: not readable", load_network, tmp_path / "odd", "cpu")


@pytest.mark.parametrize("left", [0, 5, 40, 0.5, -1])
def test_a_file_cut_short_is_refused(tmp_path, left):
    path = tmp_path / "net.safetensors"
    save_network(path, network())
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if left == 0.5 else left])
    refused(r"net\.safetensors: not a complete safetensors file", load_network, path, "cpu")


def test_a_missing_file_is_named(tmp_path):
    refused(r"none\.safetensors: no such file", load_tensors, tmp_path / "none.safetensors")
    refused(r"none\.npz: no such file", import_backbone, str(tmp_path / "none.npz"), "zf5")


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def package(monkeypatch, path):
    """Let an installed package hold this file."""
    monkeypatch.setattr("sppnet.models.weights.packaged_file", lambda requirement, suffix: path)


def test_pickles_are_refused_unread(tmp_path, monkeypatch):
    trace = tmp_path / "trace"
    for name in ("a.safetensors", "a.npz", "a.pth"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(trace)))
        refused(rf"a\.{name[2:]}: ", import_backbone, str(tmp_path / name), "zf5")
    package(monkeypatch, tmp_path / "a.pth")
    torch.save({"a": Trap(trace)}, tmp_path / "a.pth")
    refused(r"a\.pth: not a readable", import_backbone, PACKAGE, "zf5")
    np.savez(tmp_path / "object.npz", a=np.array([Trap(trace)], dtype=object))
    refused(r"object\.npz: not a readable", import_backbone, str(tmp_path / "object.npz"), "zf5")
    assert not trace.exists()


def caffe_names(state):
    """SqueezeNet's weights under Caffe's names: fires are counted from 2 in torchvision's order."""
    fires = [
        i for i, layer in enumerate(build_backbone("squeezenet", 1)) if isinstance(layer, Fire)
    ]
    renamed = {f"conv1.{kind}": state[f"0.{kind}"] for kind in ("weight", "bias")}
    for number, index in enumerate(fires, start=2):
        for caffe, part in PARTS.items():
            for kind in ("weight", "bias"):
                renamed[f"fire{number}/{caffe}.{kind}"] = state[f"{index}.{part}.{kind}"]
    return renamed


def save_npz(path, state):
    np.savez(path, **{name: tensor.numpy() for name, tensor in state.items()})
    return str(path)


def test_squeezenet_comes_from_caffe_names(tmp_path):
    state = backbone_state("squeezenet")
    named = {**caffe_names(state), "conv_final.weight": torch.zeros(10, 512, 1, 1)}
    found = import_backbone(save_npz(tmp_path / "a.npz", named), "squeezenet")
    assert equal(dict(sorted(found.items())), dict(sorted(state.items())))
    save_backbone(tmp_path / "backbone", "squeezenet", found)
    net = network(backbone="squeezenet", width=1.0)
    load_backbone(net, tmp_path / "backbone")
    assert equal(net.backbone.state_dict(), state)


def packaged_names(state):
    """EfficientNet-Lite0's weights under the names of the package, with head and classifier."""
    stem = {"1": "_conv_stem", "2": "_bn0"}
    renamed = {"_conv_head.weight": torch.zeros(1), "_bn1.bias": torch.zeros(1)}
    for name, tensor in state.items():
        index, _, part = name.partition(".")
        layer = stem.get(index, f"_blocks.{int(index) - 4}._")
        renamed[f"{layer}.{part}" if index in stem else f"{layer}{part}"] = tensor
    return renamed


def test_efficientnet_comes_from_a_package(tmp_path, monkeypatch):
    state = backbone_state("efficientnet_lite0")
    torch.save(packaged_names(state), tmp_path / "a.pth")
    package(monkeypatch, tmp_path / "a.pth")
    save_backbone(
        tmp_path / "b", "efficientnet_lite0", import_backbone(PACKAGE, "efficientnet_lite0")
    )
    net = network(backbone="efficientnet_lite0", width=1.0)
    load_backbone(net, tmp_path / "b")
    assert equal(net.backbone.state_dict(), state)
    found = import_backbone(PACKAGE, "squeezenet")
    refused("squeezenet: weights do not fit", save_backbone, tmp_path / "c", "squeezenet", found)


@pytest.mark.parametrize("left", [0, 0.5])
def test_a_packaged_file_cut_short_is_refused(tmp_path, monkeypatch, left):
    torch.save({"a": torch.ones(1000)}, tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content[: int(left * len(content))])
    package(monkeypatch, tmp_path / "a.pth")
    refused(r"a\.pth: not a readable file of weights", import_backbone, PACKAGE, "zf5")


def test_squeezenet_of_another_shape_is_refused(tmp_path):
    state = caffe_names(backbone_state("squeezenet"))
    state["fire5/conv3x3_2.weight"] = state["fire5/conv3x3_2.weight"][:, :-1]
    found = import_backbone(save_npz(tmp_path / "a.npz", state), "squeezenet")
    refused("squeezenet: weights do not fit", save_backbone, tmp_path / "b", "squeezenet", found)
    assert not (tmp_path / "b").exists()


def torchvision_state(name, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None)
    return {
        key: torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
        for key, tensor in model.state_dict().items()
    }


def test_torchvision_names_are_understood(tmp_path):
    state = torchvision_state("squeezenet1_1")
    found = import_backbone(save_npz(tmp_path / "a.npz", state), "torchvision:squeezenet1_1")
    assert found and all(torch.equal(t, state[f"features.{name}"]) for name, t in found.items())
    build_backbone("torchvision:squeezenet1_1", 1).load_state_dict(found)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])  # the second sorts the names
def test_residual_networks_are_taken_layer_by_layer(tmp_path, suffix):
    state, path = torchvision_state("resnet18"), tmp_path / f"a.{suffix}"
    if suffix == "npz":
        save_npz(path, state)
    else:
        save_tensors(path, state, {})
    backbone = build_backbone("torchvision:resnet18", 1)
    backbone.load_state_dict(import_backbone(str(path), "torchvision:resnet18"))
    assert torch.equal(backbone[0].weight, state["conv1.weight"])
    assert torch.equal(backbone[7][1].bn2.running_var, state["layer4.1.bn2.running_var"])


def test_weights_of_another_backbone_are_refused(tmp_path):
    source = save_npz(tmp_path / "a.npz", backbone_state("zf5"))
    assert equal(import_backbone(source, "zf5"), backbone_state("zf5"))
    refused(r"a\.npz: these are not the weights of squeez", import_backbone, source, "squeezenet")
    found = import_backbone(source, "alex5")  # whose layers have the same names
    refused("alex5: weights do not fit", save_backbone, tmp_path / "b", "alex5", found)


def test_broken_archives_are_refused(tmp_path):
    source = save_npz(tmp_path / "a.npz", {"a": torch.ones(100)})
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-30])
    refused(r"a\.npz: not a readable", import_backbone, source, "zf5")
    np.save(tmp_path / "b.npy", np.ones(3))
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")
    refused(r"b\.npz: not a readable", import_backbone, str(tmp_path / "b.npz"), "zf5")


def test_unavailable_downloads_are_refused(monkeypatch):
    refused("torchvision:nothing: weights not available", import_backbone, "torchvision:nothing",
            "torchvision:resnet18")  # fmt: skip

    def offline(*arguments, **settings):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nowhere")
    monkeypatch.setattr(torch.hub.os, "makedirs", lambda *arguments, **settings: None)
    refused("torchvision:resnet18: weights not available", import_backbone, "torchvision:resnet18",
            "torchvision:resnet18")  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_named_with_its_file(tmp_path, value):
    tensors = {"a": torch.arange(3), "b": torch.tensor([3e38, 3e38]), "c": torch.tensor([value, 1])}
    save_tensors(tmp_path / "x.safetensors", tensors, {})
    del tensors["c"]
    save_tensors(tmp_path / "finite.safetensors", tensors, {})
    assert load_tensors(tmp_path / "finite.safetensors")[0].keys() == {"a", "b"}
    with pytest.raises(SppnetError, match=r"x\.safetensors: c has NaN or infinity"):
        load_tensors(tmp_path / "x.safetensors")


def downloaded(monkeypatch, state):
    """Let torchvision download this state."""
    weights = torchvision.models.SqueezeNet1_1_Weights
    monkeypatch.setattr(weights, "get_state_dict", lambda *arguments, **settings: state)
    return "torchvision:squeezenet1_1"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])  # the last in float64
@pytest.mark.parametrize("origin", ["a.npz", "a.safetensors", "a.pth", "torchvision:squeezenet1_1"])
def test_imported_weights_are_finite(tmp_path, monkeypatch, origin, value):
    state = torchvision_state("squeezenet1_1")
    state["features.0.bias"] = state["features.0.bias"].double()
    state["features.0.bias"][3] = value
    source = str(tmp_path / origin)
    if origin.endswith("npz"):
        save_npz(source, state)
    elif origin.endswith("safetensors"):
        save_tensors(tmp_path / origin, state, {})
    elif origin.endswith("pth"):
        torch.save(state, source)
        package(monkeypatch, tmp_path / origin)
    else:
        source = downloaded(monkeypatch, state)
    line = re.escape(f"{source}: features.0.bias has NaN or infinity")
    given = PACKAGE if origin.endswith("pth") else source
    refused(line, import_backbone, given, "torchvision:squeezenet1_1")
