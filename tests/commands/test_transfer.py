"""cache-image-features and transfer, from pictures to results."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sppnet.cli import run as sppnet
from sppnet.data.manifest import ImageRecord, read_manifest, write_manifest
from sppnet.data.store import ArrayWriter, file_sha256, write_json
from sppnet.errors import SppnetError
from sppnet.models.network import Architecture, build_network
from sppnet.models.weights import save_network

COLOURS = {"blue": (20, 40, 220), "red": (220, 40, 20)}


def records(folder, dataset, split, count):
    """Pictures of two plain colours under noise."""
    found = []
    for number in range(count):
        name = sorted(COLOURS)[number % 2]
        generator = np.random.default_rng(number + 1000 * (split == "test"))
        pixels = generator.normal(COLOURS[name], 30, (70, 80, 3)).clip(0, 255).astype(np.uint8)
        path = folder / f"{dataset}_{split}_{number}.png"
        Image.fromarray(pixels).save(path)
        detection = {
            "class_names": (name,),
            "boxes": np.array([[0, 0, 80, 70]], np.float32),
            "difficult": np.zeros(1, bool),
        }
        more = detection if dataset == "detection" else {"label": name}
        place = (path.stem, str(path), 80, 70, file_sha256(path))
        found.append(ImageRecord(dataset, split, *place, **more))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer")
    architecture = Architecture(
        backbone="zf5",
        width=0.0625,
        levels=(3, 1),
        fc=16,
        classes=("a",),
        mean=(128.0,) * 3,
        std=58.0,
        channel_order="RGB",
    )
    net = build_network(
        architecture, initialisation="he", generator=torch.Generator().manual_seed(0)
    )
    save_network(folder / "net.safetensors", net)
    write_manifest(folder / "caltech.parquet", records(folder, "caltech101", "all", 24))
    voc = [*records(folder, "detection", "trainval", 20), *records(folder, "detection", "test", 9)]
    write_manifest(folder / "voc.parquet", voc)
    return folder


def words_of(**options):
    """Options as words; a list is one option with several values."""
    words = []
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return words


def cache(folder, dataset, split, size, view, crop=None):
    output = folder / f"{dataset}_{split}_{view}_{size}.npy"
    manifest = folder / ("voc.parquet" if dataset == "detection" else "caltech.parquet")
    shown = {"input": view, "size": size} | ({"crop": crop} if crop else {})
    files = {"manifest": manifest, "weights": folder / "net.safetensors", "work": folder / "work"}
    options = words_of(dataset=dataset, split=split, output=output, device="cpu", **files, **shown)
    sppnet(["cache-image-features", *options])
    return output


def learn(folder, manifest, features, **protocol):
    output, outcomes = folder / "result.json", folder / "outcomes.parquet"
    output.unlink(missing_ok=True)
    files = {"manifest": folder / manifest, "output": output, "outcomes": outcomes}
    options = words_of(features=features, cost=1, seed=1, device="cpu", **files, **protocol)
    sppnet(["transfer", *options])
    return json.loads(output.read_text()), pd.read_parquet(outcomes)


CALTECH = {"train_per_class": 5, "test_per_class": 4, "splits": 2, "split_halves": 3}
VOC = {"holdout": 0.4, "bootstrap": 20}


def test_caltech(folder):
    features = cache(folder, "caltech101", "all", 64, "crop", 56)
    report, table = learn(folder, "caltech.parquet", [features], **CALTECH)
    assert (report["input"], report["size"], report["crop"]) == ("crop", 64, 56)
    assert set(report["layers"]) == {"conv4", "conv5", "pool", "spp", "fc6", "fc7"}
    assert report["layers"]["pool"]["value"] > 0.9
    assert list(table) == ["layer", "split", "image", "label", "predicted"]
    assert len(table) == 6 * 2 * 8


def write_features(path, size, images, noise):
    """Features of full images that show their class, in turn, under noise."""
    generator, restart = np.random.default_rng(size), path.with_suffix("")
    restart.mkdir()
    with ArrayWriter(path, "float16", restart) as writer:
        for number, image in enumerate(images):
            shown = np.eye(8)[number % 2] + noise * generator.normal(size=8)
            writer.append(f"fc7/{image}", shown[:, None].astype(np.float16))
    view = {"input": "full", "size": size, "crop": None}
    write_json(path.with_suffix(".json"), {**view, "layers": [["fc7", "fc7"]]})
    return path


@pytest.mark.parametrize("sizes", [(64, 96, 128), (128, 96, 64)])
def test_the_size_is_the_best_on_trainval_and_not_on_test(folder, tmp_path, sizes):
    """Of three sizes one is clear on trainval, and another one on test."""
    clear, sides = {"trainval": 96, "test": 128}, {}
    for split, best in clear.items():
        records = read_manifest(folder / "voc.parquet", "detection", split)
        images = [record.image for record in records]
        sides[split] = [
            write_features(tmp_path / f"{split}{size}.npy", size, images, 0 if size == best else 1)
            for size in sizes
        ]
    found, _ = learn(folder, "voc.parquet", sides["trainval"], test_features=sides["test"], **VOC)
    assert found["size"] == 96
    noisy = {size: value for size, value in found["held_out"].items() if size != "96"}
    assert found["held_out"]["96"] == pytest.approx(1) and max(noisy.values()) < 0.99
    # The features tested are of the same size, which is not the clear one there.
    assert found["layers"]["fc7"]["value"] < 0.99


def test_voc_chooses_between_sizes(folder):
    sizes = (64, 96)
    train = [cache(folder, "detection", "trainval", size, "full") for size in sizes]
    test = [cache(folder, "detection", "test", size, "full") for size in sizes]
    report, table = learn(folder, "voc.parquet", train, test_features=test, **VOC)
    assert set(report["held_out"]) == {"64", "96"}
    assert report["layers"]["pool"]["value"] > 0.9 and report["images"] == 9
    assert list(table) == ["layer", "image", "class_name", "score", "label"]
    one, _ = learn(folder, "voc.parquet", train[1:], test_features=test[1:], **VOC)
    assert one["held_out"] == {} and one["size"] == 96
    with pytest.raises(SppnetError, match="not the views"):
        learn(folder, "voc.parquet", train[1:], test_features=test[:1], **VOC)
    with pytest.raises(SppnetError, match="one file per image size"):
        learn(folder, "voc.parquet", train[1:] * 2, test_features=test, **VOC)


def without(options, name):
    return {key: value for key, value in options.items() if key != name}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "--holdout, --splits: give the options of VOC 2007 or those of Caltech-101"),
        (VOC | CALTECH, "--holdout, --splits: "),
        *((without(VOC, name), f"--{name}") for name in VOC),
        *((without(CALTECH, name), f"--{name.replace('_', '-')}") for name in CALTECH),
        (CALTECH, "--features: 2 files"),
        (CALTECH | {"splits": 0}, "--splits: "),
    ],
)
def test_options_of_one_protocol_are_required(folder, more, words):
    with pytest.raises(SppnetError, match=words) as error:
        learn(folder, "caltech.parquet", [folder / "a.npy", folder / "b.npy"], **more)
    assert "\n" not in str(error.value) and not (folder / "result.json").exists()


def test_a_crop_needs_its_side_before_any_work(folder):
    with pytest.raises(SppnetError, match="--crop: None with input crop; give a side"):
        cache(folder, "caltech101", "all", 80, "crop")
