"""pretrain, from files to files."""

import csv
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sppnet.cli import run
from sppnet.commands import pretrain as command
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256, restart_directory
from sppnet.errors import SppnetError
from sppnet.models.compute import choose_device
from sppnet.models.training import fit
from sppnet.models.weights import load_network, network_sha

SETTINGS = """--backbone zf5 --width 0.05 --levels 2 1 --fc 8 --mean 128 128 128
    --std 58 --channel-order RGB --initialisation he --resize 72 --crop 64
    --epochs 3 --batch 4 --learning-rate 0.01 --momentum 0.9 --weight-decay 0.0005
    --warmup 1 --colour 0.1 --seed 1 --precision full"""
TWO_SIZES = "--sizes 64 56 --size-choice alternate"


LABELS = ("green", "red")


def write_set(folder: Path, validation: Sequence[int]) -> Path:
    """A manifest of twelve noisy pictures of two classes to train on, and others to validate on.

    The labels of validation are indices in `LABELS`; the pictures are green and red in turn.
    """
    random, records = np.random.default_rng(5), []
    for number in range(12 + len(validation)):
        split = "train" if number < 12 else "val"
        label = LABELS[number % 2 if number < 12 else validation[number - 12]]
        pixels = random.integers(0, 150, (80, 90, 3), dtype=np.uint8)
        pixels[..., 1 - number % 2] += 90
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        place = (path.name, str(path), 90, 80, file_sha256(path))
        records.append(ImageRecord("classification", split, *place, label))
    write_manifest(folder / "manifest.parquet", records)
    return folder / "manifest.parquet"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures to train on, six to validate on."""
    return write_set(tmp_path_factory.mktemp("set"), [0, 1] * 3)


def pretrain(manifest: Path, folder: Path, settings: str) -> list[dict[str, str]]:
    """Run the command; the rows of its history."""
    words = f"""pretrain --manifest {manifest} {settings} --work {folder}/work
        --weights {folder}/n.safetensors --history {folder}/n.csv --metrics {folder}/n.json"""
    run(shlex.split(words))
    with (folder / "n.csv").open() as file:
        return list(csv.DictReader(file))


def test_two_sizes_share_the_weights(manifest, tmp_path):
    rows = pretrain(manifest, tmp_path, f"{SETTINGS} {TWO_SIZES}")
    assert [row["size"] for row in rows] == ["64", "56", "64"]
    assert load_network(tmp_path / "n.safetensors", "cpu").architecture.levels == (2, 1)


def test_the_recipe_reaches_the_training(manifest, tmp_path):
    """Dropout, optimiser and annealing each change what the first epochs do to the loss."""
    losses = {
        options: [
            row["train_loss"]
            for row in pretrain(
                manifest,
                tmp_path / str(number),
                f"{SETTINGS} --sizes 64 --size-choice alternate {options}",
            )
        ]
        for number, options in enumerate(
            ("", "--dropout 0", "--optimiser adamw", "--annealing cosine")
        )
    }
    assert len({tuple(values) for values in losses.values()}) == 4


def test_a_plateau_excludes_milestones(manifest, tmp_path):
    given = f"{SETTINGS} {TWO_SIZES} --plateau 1"
    rows = pretrain(manifest, tmp_path, f"{given} --holdout 0.25")
    # Three images held out, so that their error is a number of thirds.
    assert [float(row["held_out_error"]) * 3 % 1 for row in rows] == pytest.approx([0, 0, 0])
    # Nine are left, two batches of four.
    assert [float(row["train_error"]) * 8 % 1 for row in rows] == pytest.approx([0, 0, 0])
    for more, words in (
        ("--holdout 0.25 --milestones 2", "--plateau: replaces milestones"),
        ("", "--holdout: is what plateau watches"),
        ("--holdout 0.01", "--holdout: 0.01 of 12 images is 0"),
    ):
        with pytest.raises(SppnetError, match=words):
            pretrain(manifest, tmp_path, f"{given} {more}")


@pytest.mark.parametrize("more", ["", "--plateau 1 --holdout 0.25"])
def test_the_network_is_that_after_the_last_epoch_whatever_the_tested_images_say(
    manifest, tmp_path, monkeypatch, more
):
    """They have the lowest error after the first epoch, and so have the held-out ones."""
    after = []

    def fit_against_rising_errors(network, batches, validate, **settings):
        def rising(module):
            after.append(network_sha(module))
            return {name: value + len(after) for name, value in validate(module).items()}

        return fit(network, batches, rising, **settings)

    monkeypatch.setattr(command, "fit", fit_against_rising_errors)
    rows = pretrain(manifest, tmp_path, f"{SETTINGS} {TWO_SIZES} {more}")
    errors = [float(row["validation_error"]) for row in rows]
    assert errors[0] < min(errors[1:]) and len(set(after)) == 3
    assert network_sha(load_network(tmp_path / "n.safetensors", "cpu")) == after[-1]


def test_the_final_errors_are_of_the_centre_crops_of_the_validation_images(
    manifest, tmp_path, monkeypatch
):
    seen = []

    def second_best(network, images, *, crop):
        seen.append((len(images), crop))
        labels = torch.arange(len(images)) % 2  # as in the manifest
        return torch.nn.functional.one_hot(1 - labels, 2).float()

    monkeypatch.setattr(command, "centre_scores", second_best)
    pretrain(manifest, tmp_path, f"{SETTINGS} {TWO_SIZES} --plateau 1 --holdout 0.25")
    assert seen == [(6, 64), (3, 64)] * 3 + [(6, 64)]
    found = json.loads((tmp_path / "n.json").read_text())
    assert (found["views"], found["images"]) == (1, 6)
    assert (found["top1"]["error"], found["top5"]["error"]) == (1, 0)


def test_the_tested_images_decide_nothing_in_training(tmp_path):
    """One class is named throughout, so that other images are named better or worse."""
    found, errors = [], []
    for name, validation in (("most", [1, 1, 1, 1, 0]), ("few", [0, 0, 1, 0, 0, 0, 0])):
        (tmp_path / name).mkdir()
        own = write_set(tmp_path / name, validation)
        given = f"{SETTINGS} {TWO_SIZES} --plateau 1 --holdout 0.25"
        rows = pretrain(own, tmp_path / name, given)
        errors.append([row.pop("validation_error") for row in rows])
        curves = [{**row, "images_per_second": ""} for row in rows]
        found.append((curves, (tmp_path / name / "n.safetensors").read_bytes()))
    assert errors[0] != errors[1]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("--sizes 64 9 --size-choice alternate", ["--sizes: 9 pixels", "too few"]),
        ("--sizes 9 64 --size-choice random", ["--sizes: 9 pixels", "too few"]),
    ],
)
def test_wrong_sizes_are_one_line_before_training(manifest, tmp_path, settings, words):
    with pytest.raises(SppnetError) as error:
        pretrain(manifest, tmp_path, f"{SETTINGS} {settings}")
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words)
    assert not list(tmp_path.iterdir())


def test_a_restart_belongs_to_a_device_and_to_a_number_of_processes(
    manifest, tmp_path, monkeypatch
):
    kept = []

    def remember(work, settings, inputs):
        kept.append(settings)
        return restart_directory(work, settings, inputs)

    monkeypatch.setattr("sppnet.commands.pretrain.restart_directory", remember)
    pretrain(manifest, tmp_path, f"{SETTINGS} {TWO_SIZES}")
    assert kept[0]["device"] == choose_device("auto").type
    assert kept[0]["processes"] == 1


@pytest.mark.parametrize(
    "flag",
    [
        *("--channel-order GBR", "--initialisation zeros", "--size-choice sometimes"),
        *("--precision half", "--epochs 0", "--batch 0", "--threads 0"),
    ],
)
def test_a_value_out_of_its_range_is_named_before_training(manifest, tmp_path, flag):
    others = re.sub(rf"{flag.split()[0]} \S+", "", f"{SETTINGS} {TWO_SIZES}")
    words = f"""pretrain --manifest {manifest} {others} {flag} --work {tmp_path}/w
        --weights {tmp_path}/n --history {tmp_path}/n.csv --metrics {tmp_path}/n.json"""
    with pytest.raises(SppnetError, match=f"{flag.split()[0]}: ") as error:
        run(shlex.split(words))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_backbone_of_another_architecture_is_one_line(manifest, tmp_path):
    pretrain(manifest, tmp_path, f"{SETTINGS} {TWO_SIZES}")
    backbone, wider = tmp_path / "n.safetensors", SETTINGS.replace("0.05", "0.1")
    for settings in (wider, SETTINGS.replace("zf5", "alex5")):
        with pytest.raises(SppnetError, match=f"{backbone}: ") as error:
            pretrain(manifest, tmp_path, f"{settings} {TWO_SIZES} --backbone-weights {backbone}")
        assert "\n" not in str(error.value)
    backbone.write_bytes(backbone.read_bytes()[:-1])
    with pytest.raises(SppnetError, match=r"not a complete") as error:
        pretrain(manifest, tmp_path, f"{SETTINGS} {TWO_SIZES} --backbone-weights {backbone}")
    assert "\n" not in str(error.value)
