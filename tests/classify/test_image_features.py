import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from sppnet.classify.image_features import (
    ImageFeatures,
    cache_image_features,
    layer_features,
    layer_names,
    present,
)
from sppnet.classify.settings import ImageView
from sppnet.data.images import resize, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError
from sppnet.geometry.pyramid import pyramid_pool
from sppnet.models.half_precision import FeatureWriter
from sppnet.models.network import Architecture, build_network
from sppnet.models.preprocessing import normalise

NETWORK = Path("net.safetensors")


def network(backbone="zf5", levels=(3, 1)):
    architecture = Architecture(
        backbone=backbone,
        width=1 if backbone == "squeezenet" else 0.0625,
        levels=levels,
        fc=12,
        classes=("a", "b"),
        mean=(104.0, 117.0, 123.0),
        std=58.0,
        channel_order="BGR",
        map_std=8.0,
    )
    generator = torch.Generator().manual_seed(0)
    return build_network(architecture, initialisation="he", generator=generator).eval()


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def records(tmp_path):
    sizes = [(70, 100), (90, 64), (80, 80)]
    found = []
    for number, (height, width) in enumerate(sizes):
        path = tmp_path / f"{number}.png"
        Image.fromarray(picture(height, width, number)).save(path)
        place = (f"a/{number}.png", str(path), width, height, file_sha256(path))
        found.append(ImageRecord("caltech101", "all", *place))
    return found


def cached(records, net, view, folder):
    restart = folder / "restart"
    restart.mkdir(parents=True)
    path = folder / "features.npy"
    cache_image_features(records, net, view, weights=NETWORK, path=path, restart=restart)
    return path


def test_views_are_centre_full_or_square():
    image = picture(60, 90)
    whole = resize_shorter_side(image, 40)
    assert whole.shape == (40, 60, 3)
    assert np.array_equal(present(image, ImageView(input="full", size=40)), whole)
    assert np.array_equal(
        present(image, ImageView(input="crop", size=40, crop=30)), whole[5:35, 15:45]
    )
    assert np.array_equal(present(image, ImageView(input="warp", size=40)), resize(image, 40, 40))


@pytest.mark.parametrize(("kind", "crop"), [("crop", None), ("full", 30), ("warp", 30)])
def test_a_crop_and_its_side_come_together(kind, crop):
    with pytest.raises(ValidationError, match="give a side with input crop"):
        ImageView(input=kind, size=40, crop=crop)


def test_layers_are_named_after_the_number_of_convolutions():
    assert layer_names(network()) == {
        "conv4": "conv4",
        "conv5": "conv5",
        "pool": "pool5",
        "spp": "SPP pool5",
        "fc6": "fc6",
        "fc7": "fc7",
    }
    squeezenet = layer_names(network("squeezenet"))
    assert [squeezenet[name] for name in ("conv4", "conv5", "pool")] == ["fire8", "fire9", "pool9"]
    overfeat = layer_names(network("overfeat7"))
    assert list(overfeat.values()) == ["conv6", "conv7", "pool7", "SPP pool7", "fc8", "fc9"]


def test_the_pyramid_is_no_layer_of_its_own_when_it_is_the_6x6_level():
    assert "spp" not in layer_names(network(levels=(6,)))
    assert "spp" not in layer_features(network(levels=(6,)), picture(80, 96), maps=True)


@pytest.mark.parametrize(
    ("backbone", "conv4"), [("zf5", 11), ("alex5", 11), ("overfeat7", 14), ("squeezenet", 10)]
)
def test_features_are_those_of_the_layers(backbone, conv4):
    """conv4 is the number of the backbone's part that ends the last but one convolution."""
    net, image, seen = network(backbone), picture(96, 120), {}
    inputs = normalise(torch.from_numpy(image)[None], net.architecture)
    hook = net.backbone[conv4].register_forward_hook(lambda *part: seen.update(out=part[2].clone()))
    with torch.inference_mode():
        maps = net.maps(inputs)
        hook.remove()
        hidden = net.hidden(pyramid_pool(maps, (3, 1)))
    found = layer_features(net, image, maps=True)
    assert list(found) == ["conv4", "conv5", "pool", "spp", "fc6", "fc7"]
    assert torch.equal(found["conv4"], seen["out"].flatten())
    assert (found["conv4"] >= 0).all() and torch.equal(found["conv5"], maps.flatten())
    assert torch.equal(found["pool"], pyramid_pool(maps, (6,))[0])
    assert torch.equal(found["spp"], pyramid_pool(maps, (3, 1))[0])
    assert torch.equal(found["fc6"], hidden["fc6"][0])
    assert torch.equal(found["fc7"], hidden["fc7"][0])


def test_stored_features_are_read_back_with_their_names_and_view(records, tmp_path):
    net, view = network(), ImageView(input="warp", size=64)
    stored = ImageFeatures(cached(records, net, view, tmp_path / "out"))
    assert stored.view == view
    assert stored.names == layer_names(net)
    expected = layer_features(net, present(picture(90, 64, 1), view), maps=True)
    for layer, values in expected.items():
        (found,) = stored.vectors(layer, ["a/1.png"])
        assert np.array_equal(found, values.to(torch.float16).numpy())


def test_full_images_have_no_map_layers(records, tmp_path):
    stored = ImageFeatures(
        cached(records, network(), ImageView(input="full", size=64), tmp_path / "out")
    )
    assert list(stored.names) == ["pool", "spp", "fc6", "fc7"]
    lengths = {len(values) for values in stored.vectors("spp", [r.image for r in records])}
    assert lengths == {16 * (9 + 1)}


def test_a_size_below_what_the_backbone_takes_is_refused(records, tmp_path):
    with pytest.raises(SppnetError, match="12 x 12 pixels are too few"):
        cached(records, network(), ImageView(input="crop", size=64, crop=12), tmp_path / "out")


def test_values_beyond_half_precision_become_its_limit(records, tmp_path, capsys):
    net = network()
    with torch.no_grad():
        net.fc7.bias.fill_(1e6)
    stored = ImageFeatures(cached(records, net, ImageView(input="full", size=64), tmp_path / "out"))
    assert stored.vectors("fc7", ["a/0.png"])[0].max() == 65504
    assert "36 values in 3 of 3 images are beyond half precision" in capsys.readouterr().err


def test_damaged_features_are_named_with_layer_and_image(records, tmp_path):
    path = cached(records, network(), ImageView(input="full", size=64), tmp_path / "out")
    values = np.load(path, mmap_mode="r+")
    values[-1] = np.nan
    values.flush()
    stored, images = ImageFeatures(path), [record.image for record in records]
    assert len(stored.vectors("fc6", images)) == 3
    with pytest.raises(SppnetError, match=r"features\.npy: damaged, .* at image fc7/a/2\.png"):
        stored.vectors("fc7", images)


def test_killed_and_continued_gives_the_same_bytes(records, tmp_path, monkeypatch):
    net, view = network(), ImageView(input="crop", size=64, crop=48)
    whole = cached(records, net, view, tmp_path / "whole").parent
    folder = tmp_path / "again"
    appended = []

    def kill_in_the_second_image(writer, key, values):
        if len(appended) == 8:
            raise KeyboardInterrupt
        appended.append(key)
        store(writer, key, values)

    with monkeypatch.context() as patched:
        store = FeatureWriter.store
        patched.setattr(FeatureWriter, "store", kill_in_the_second_image)
        with pytest.raises(KeyboardInterrupt):
            cached(records, net, view, folder)
    assert not (folder / "features.npy").exists()
    path, restart = folder / "features.npy", folder / "restart"
    cache_image_features(records, net, view, weights=NETWORK, path=path, restart=restart)
    for path in whole.glob("features.*"):
        assert (folder / path.name).read_bytes() == path.read_bytes()


def test_another_description_is_refused(records, tmp_path):
    path = cached(records, network(), ImageView(input="full", size=64), tmp_path / "out")
    for text in ("[]", "{}", json.dumps({"layers": [], "size": 3})):
        Path(path).with_suffix(".json").write_text(text)
        with pytest.raises(SppnetError, match="not a description of image features"):
            ImageFeatures(path)
