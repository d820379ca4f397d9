import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny_network

from sppnet import cli
from sppnet.classify.training_timing import time_training
from sppnet.commands import measure_training_speed
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError
from sppnet.models.weights import save_network

SETTINGS = """--resize 72 --crop 64 --batch 4 --learning-rate 0.01 --momentum 0.9
    --weight-decay 0.0005 --colour 0.1 --precision full --seed 1
    --device cpu"""
SIZES = {"single": [64], "multi": [64, 56]}


@pytest.fixture
def folder(tmp_path):
    """Ten pictures, and a network."""
    records = []
    for number in range(10):
        split = "train" if number < 8 else "val"
        path = tmp_path / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (80, 90, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        place = (path.name, str(path), 90, 80, file_sha256(path))
        records.append(ImageRecord("classification", split, *place, "ab"[number % 2]))
    write_manifest(tmp_path / "m.parquet", records)
    write_network(tmp_path / "n.safetensors", ("a", "b"))
    return tmp_path


def write_network(path, classes):
    save_network(path, tiny_network(classes=classes))


def run(folder, more):
    variants = [
        {"name": name, "weights": f"{folder}/n.safetensors", "sizes": sizes}
        | {"size_choice": "alternate"}
        for name, sizes in SIZES.items()
    ]
    (folder / "v.json").write_text(json.dumps({"variants": variants}))
    words = f"""--manifest {folder}/m.parquet --variants {folder}/v.json {SETTINGS}
        --output {folder}/t.json {more}"""
    cli.run(["measure-training-speed", *words.split()])
    return json.loads((folder / "t.json").read_text())


@pytest.mark.parametrize("workers", [0, 1])
def test_every_variant_is_timed_in_every_turn(folder, workers):
    report = run(folder, f"--batches 2 --turns 3 --workers {workers}")
    assert (report["batch"], report["batches"], report["turns"]) == (4, 2, 3)
    assert report["torch"] == torch.__version__ and report["device"] and report["threads"] == 1
    assert set(report["columns"]) == set(SIZES)
    for column in report["columns"].values():
        assert column["network"] == "n"
        each = column["total"]["each"]
        assert len(each) == 3 and 0 < min(each) <= column["total"]["median"] <= max(each) < 60


def test_an_iteration_is_timed_as_it_is_trained(folder, monkeypatch):
    seen = {}

    def noted(trainings, **options):
        seen["dropout"] = {training.network.dropout for training in trainings.values()}
        seen["optimiser"] = options["schedule"].optimiser
        return time_training(trainings, **options)

    monkeypatch.setattr(measure_training_speed, "time_training", noted)
    run(folder, "--batches 1 --turns 1 --optimiser adamw --dropout 0.25")
    assert seen == {"dropout": {0.25}, "optimiser": "adamw"}


def test_an_epoch_of_a_block_is_as_long_as_asked_for(folder, monkeypatch):
    seen = {}

    def record(trainings, **settings):
        seen.update(trainings)
        return time_training(trainings, **settings)

    monkeypatch.setattr(measure_training_speed, "time_training", record)
    run(folder, "--batches 1 --turns 1")
    assert {name: each.crops.sizes for name, each in seen.items()} == {
        "single": (64,),
        "multi": (64, 56),
    }
    assert {each.crops.count for each in seen.values()} == {4}  # one batch of the eight images


def test_more_images_than_there_are_are_refused(folder):
    with pytest.raises(SppnetError, match="--batches: 3 batches of 4 are more than the 8 images"):
        run(folder, "--batches 3 --turns 1")


def test_a_network_of_other_classes_is_named(folder):
    write_network(folder / "n.safetensors", ("a", "c"))
    with pytest.raises(SppnetError, match=r"n\.safetensors: other classes"):
        run(folder, "--batches 1 --turns 1")


def test_what_is_no_variant_is_named(folder, monkeypatch):
    monkeypatch.setitem(SIZES, "none", [])
    with pytest.raises(SppnetError, match=r"v\.json: variants\.2\.sizes: "):
        run(folder, "--batches 1 --turns 1")
