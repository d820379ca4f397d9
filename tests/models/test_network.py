import copy
import json

import pytest
import torch
from torch import nn

from sppnet.errors import SppnetError
from sppnet.geometry.pyramid import pyramid_pool
from sppnet.models.backbones import map_shape
from sppnet.models.network import (
    Architecture,
    build_network,
    freeze_backbone,
    replace_classifier,
)

ARCHITECTURE = Architecture(
    backbone="zf5",
    width=0.0625,
    levels=(3, 1),
    fc=24,
    classes=("ape", "bee", "cat"),
    mean=(104.0, 117.0, 123.0),
    std=58.0,
    channel_order="BGR",
)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def network(seed=0, initialisation="he", **changes):
    architecture = ARCHITECTURE.model_copy(update=changes)
    return build_network(architecture, initialisation=initialisation, generator=seeded(seed)).eval()


def images(height=80, width=96, count=2):
    return torch.randn(count, 3, height, width, generator=seeded(7))


def test_an_architecture_survives_json():
    architecture = ARCHITECTURE.model_copy(update={"background": True})
    assert Architecture.from_json(architecture.to_json()) == architecture


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"levels": 1}', '{"unknown": 1}'])
def test_other_text_is_no_architecture(text):
    with pytest.raises(SppnetError, match="architecture"):
        Architecture.from_json(text)


@pytest.mark.parametrize("wrong", [{"channel_order": "rgb"}, {"mean": (1.0,)}, {"outputs": 3}])
def test_an_architecture_with_an_unfit_value_is_refused(wrong):
    text = json.dumps(ARCHITECTURE.model_dump() | wrong)
    with pytest.raises(SppnetError, match=f"architecture: not readable .*{next(iter(wrong))}"):
        Architecture.from_json(text)


def test_files_of_earlier_runs_can_be_read():
    """The JSON that lies in their headers, key by key."""
    text = (
        '{"backbone": "zf5", "background": false, "channel_order": "BGR", '
        '"classes": ["ape", "bee", "cat"], "fc": 24, "levels": [3, 1], "map_std": 1.0, '
        '"mean": [104.0, 117.0, 123.0], "std": 58.0, "width": 0.0625}'
    )
    assert ARCHITECTURE.to_json() == text and Architecture.from_json(text) == ARCHITECTURE


def test_outputs_count_the_background():
    assert ARCHITECTURE.outputs == 3
    assert ARCHITECTURE.model_copy(update={"background": True}).outputs == 4
    assert network(background=True)(images()).shape == (2, 4)


def test_forward_is_backbone_pyramid_and_head():
    net = network()
    pooled = pyramid_pool(net.backbone(images()), (3, 1))
    assert pooled.shape[1] == net.fc6.in_features == 16 * (9 + 1)
    assert torch.equal(net(images()), net.head(pooled))
    assert torch.equal(net.pool(net.maps(images())), pooled)


def test_maps_are_divided_by_their_std():
    plain, divided = network(), network(map_std=8.0)
    with torch.no_grad():
        assert torch.equal(divided.maps(images()), plain.maps(images()) / 8)


def test_hidden_layers_are_those_of_the_head():
    net, pool5 = network(), torch.rand(5, 160, generator=seeded(1))
    hidden = net.hidden(pool5)
    assert torch.equal(hidden["fc6"], net.fc6(pool5).clamp(min=0))
    assert torch.equal(hidden["fc7"], net.fc7(hidden["fc6"]).clamp(min=0))
    assert torch.equal(net.fc8(hidden["fc7"]), net.head(pool5))


@pytest.mark.parametrize("count", [0, 1, 33])
def test_fully_connected_layers_agree_with_exact_sums_with_and_without_gradients(count):
    net = network(levels=(6, 3))
    with torch.no_grad():
        for layer in (net.fc6, net.fc7, net.fc8):
            layer.bias.normal_(generator=seeded(2))
    pool5 = torch.rand(45, max(count, 1), generator=seeded(1)).t().repeat(1, 16)[:count]
    fc6 = (pool5.double() @ net.fc6.weight.double().t() + net.fc6.bias.double()).clamp(min=0)
    fc7 = (fc6 @ net.fc7.weight.double().t() + net.fc7.bias.double()).clamp(min=0)
    logits = fc7 @ net.fc8.weight.double().t() + net.fc8.bias.double()
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            torch.testing.assert_close(net.hidden(pool5)["fc6"], fc6.float())
            torch.testing.assert_close(net.hidden(pool5)["fc7"], fc7.float())
            torch.testing.assert_close(net.head(pool5), logits.float())


def relative_error(found, exact):
    return ((found - exact).norm() / exact.norm()).item()


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("one_dnn", [True, False])
@pytest.mark.parametrize("backbone", ["zf5", "squeezenet", "torchvision:resnet18"])
def test_bfloat16_is_near_and_gives_single_precision(backbone, one_dnn):
    """With and without the library that has instructions for it."""
    width = 0.25 if backbone == "zf5" else 1.0
    full = network(backbone=backbone, width=width, map_std=2.0)
    reduced = copy.deepcopy(full).to_bfloat16()
    inputs = images(96, 120)
    with torch.inference_mode(), torch.backends.mkldnn.flags(enabled=one_dnn):
        maps, (first, after) = full.maps(inputs), reduced.maps_after(inputs, 3)
        pool5 = full.pool(maps)
        hidden = full.hidden(pool5)
        pairs = {
            "maps": (reduced.maps(inputs), maps),
            "first": (first, full.maps_after(inputs, 3)[0]),
            "after": (after, maps),
            "logits": (reduced.head(pool5), full.head(pool5)),
            **{name: (values, hidden[name]) for name, values in reduced.hidden(pool5).items()},
        }
    for name, (found, exact) in pairs.items():
        assert found.dtype == exact.dtype == torch.float32, name
        assert 1e-4 < relative_error(found, exact) < 0.02, name


def test_bfloat16_leaves_statistics_and_mixed_training_alone():
    reduced = network(backbone="torchvision:resnet18", width=1.0).to_bfloat16()
    dtypes = {
        type(layer).__name__: {each.dtype for each in layer.state_dict().values()}
        for layer in reduced.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d)
    }
    assert dtypes == {
        "Conv2d": {torch.bfloat16},
        "Linear": {torch.bfloat16},
        "BatchNorm2d": {torch.float32, torch.int64},
    }
    with torch.autocast("cpu", torch.bfloat16):
        assert network().head(torch.rand(2, 160)).dtype == torch.bfloat16


def test_the_size_of_maps_does_not_depend_on_the_precision():
    full, reduced = network(), network().to_bfloat16()
    assert map_shape(reduced.backbone, 131, 77) == map_shape(full.backbone, 131, 77)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 150), (131, 77)])
def test_any_image_size_gives_the_same_length(height, width):
    assert network()(images(height, width)).shape == (2, 3)


def test_dropout_keeps_half_and_doubles_it_while_training_only():
    net = network(classes=tuple(f"{n:02}" for n in range(24)))
    with torch.no_grad():
        for layer in (net.fc6, net.fc7):
            layer.weight.zero_()
            layer.bias.fill_(1.0)
        net.fc8.weight.copy_(torch.eye(24))
        net.fc8.bias.zero_()
    pool5 = torch.zeros(200, 160)
    assert torch.equal(net.head(pool5), torch.ones(200, 24))
    values, counts = net.train().head(pool5).unique(return_counts=True)
    assert values.tolist() == [0.0, 2.0]
    assert 0.45 < counts[1] / counts.sum() < 0.55
    net.dropout = 0.2
    values, counts = net.head(pool5).unique(return_counts=True)
    assert values.tolist() == [0.0, 1.25]
    assert 0.75 < counts[1] / counts.sum() < 0.85
    net.dropout = 0.0
    assert torch.equal(net.head(pool5), torch.ones(200, 24))


def test_dropout_follows_fc6_too():
    net = network().train()
    with torch.no_grad():
        net.fc7.weight.copy_(torch.eye(24))
        net.fc7.bias.zero_()
        net.fc6.weight.zero_()
        net.fc6.bias.fill_(1.0)
        net.fc8.weight.fill_(1.0)
        net.fc8.bias.zero_()
    # both masks must let a unit through: a quarter of them, each worth 4
    mean = net.head(torch.zeros(4000, 160)).mean().item() / 24
    assert mean == pytest.approx(1, abs=0.05)
    assert net.head(torch.zeros(4000, 160)).max() > 48 - 0.1


def test_gaussian_weights_are_those_of_the_release():
    net = network(initialisation="gaussian", width=0.5, fc=256)
    for weight in (net.backbone[4].weight, net.fc6.weight, net.fc7.weight):
        assert weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert weight.mean().item() == pytest.approx(0, abs=5e-4)
    biases = [net.backbone[i].bias.unique().tolist() for i in (0, 4, 8, 10, 12)]
    assert biases == [[0], [1], [0], [1], [1]]
    assert all((layer.bias == 1).all() for layer in (net.fc6, net.fc7, net.fc8))


def test_he_weights_follow_the_fan_in():
    net = network(width=0.5, fc=256)
    assert net.backbone[4].weight.std().item() == pytest.approx((2 / (48 * 25)) ** 0.5, rel=0.03)
    assert net.fc7.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.03)
    assert net.fc8.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert all((b == 0).all() for name, b in net.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("initialisation", ["he", "gaussian"])
def test_the_seed_decides_the_weights(initialisation):
    first, again, other = (network(seed, initialisation) for seed in (1, 1, 2))
    for name, weight in first.named_parameters():
        assert torch.equal(weight, again.get_parameter(name))
        if name.endswith("weight"):
            assert not torch.equal(weight, other.get_parameter(name))


def test_unknown_initialisation():
    with pytest.raises(SppnetError, match="initialisation: 'zero'"):
        network(initialisation="zero")


def test_a_new_classifier_on_a_copy():
    old = network()
    before = old.fc8.weight.clone()
    new = replace_classifier(
        old, ("x", "y", "z", "w"), background=True, generator=seeded(3), std=0.01
    )
    assert new.architecture == ARCHITECTURE.model_copy(
        update={"classes": ("x", "y", "z", "w"), "background": True}
    )
    assert new.fc8.weight.shape == (5, 24) and (new.fc8.bias == 0).all()
    assert new.fc8.weight.std().item() == pytest.approx(0.01, rel=0.2)
    for name in ("backbone.0.weight", "fc6.weight", "fc7.bias"):
        assert torch.equal(new.get_parameter(name), old.get_parameter(name))
    with torch.no_grad():
        new.fc6.weight.zero_()
    assert torch.equal(old.fc8.weight, before) and old.fc6.weight.any()
    assert old.architecture == ARCHITECTURE


def test_the_new_classifier_comes_from_its_generator():
    old = network()
    made = [
        replace_classifier(old, ("a",), background=True, generator=seeded(s), std=0.01).fc8.weight
        for s in (1, 1, 2)
    ]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_a_frozen_backbone_neither_learns_nor_changes_mode():
    net = network()
    freeze_backbone(net)
    net.train()
    assert not net.backbone.training and net.fc6.training and net.training
    net(images()).sum().backward()
    assert all(weight.grad is None for weight in net.backbone.parameters())
    assert net.fc6.weight.grad is not None
    assert network().train().backbone.training


def test_channels_last_is_the_layout_of_the_backbone():
    net = network()
    assert net.backbone[4].weight.is_contiguous(memory_format=torch.channels_last)
    assert net.maps(images()).is_contiguous(memory_format=torch.channels_last)
