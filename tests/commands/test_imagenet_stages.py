"""ImageNet's archives to a trained network: prepare-imagenet, store-images, pretrain."""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sppnet.cli import run
from sppnet.data.image_store import ImageStore, shard_path
from sppnet.data.imagenet_writer import write_imagenet
from sppnet.data.manifest import read_manifest
from sppnet.errors import SppnetError
from sppnet.models.weights import load_network, load_tensors

# A copy of Imagenette, real photographs of ten classes of ImageNet in its own class folders.
IMAGENETTE = Path(os.environ.get("IMAGENETTE", "data/imagenette"))
CLASSES = ("n00000010", "n00000020")
TRAINING = """--backbone zf5 --width 0.05 --levels 2 1 --fc 8 --mean 128 128 128 --precision full
    --std 58 --channel-order RGB --initialisation he --resize 72 --crop 64 --sizes 64 56
    --size-choice alternate --epochs 2 --batch 4 --learning-rate 0.01 --momentum 0.9
    --weight-decay 0.0005 --warmup 1 --colour 0.1 --seed 1"""


def sppnet(words: str) -> None:
    run(shlex.split(words))


def prepare(root: Path, folder: Path) -> Path:
    files = f"--manifest {folder}/m.parquet --problems {folder}/problems.csv"
    sppnet(f"prepare-imagenet --root {root} {files} --workers 1 --work {folder}/work")
    return folder / "m.parquet"


def store(manifest: Path, split: str, output: Path, form: str) -> None:
    sppnet(
        f"store-images --manifest {manifest} --dataset classification --split {split} {form}"
        f" --shard-images 5 --work {output}.work --output {output}"
        f" --digest {output}.json"
        " --workers 1 --verify"
    )


def outputs(folder: Path) -> str:
    return f"""--work {folder}/work --weights {folder}/n.safetensors --history {folder}/n.csv
        --metrics {folder}/n.json"""


def pretrain(folder: Path, images: str, settings: str = TRAINING) -> dict:
    sppnet(f"pretrain {images} {settings} {outputs(folder)}")
    return load_tensors(folder / "n.safetensors")[0]


def same(first: dict, second: dict) -> bool:
    return all(np.array_equal(first[name].numpy(), second[name].numpy()) for name in first)


def jpeg(seed: int, green: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 150, (90, 110, 3), np.uint8)
    pixels[..., green] += 90
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A folder with the manifest of generated archives, m.parquet, and its images stored."""
    folder = tmp_path_factory.mktemp("imagenet")
    training = {
        name: {f"{name}_{n}.JPEG": jpeg(10 * index + n, index) for n in range(6)}
        for index, name in enumerate(CLASSES)
    }
    training[CLASSES[1]][f"{CLASSES[1]}_2.JPEG"] = jpeg(12, 1)[:500]
    validation = [(CLASSES[n % 2], jpeg(100 + n, n % 2)) for n in range(6)]
    manifest = prepare(write_imagenet(folder / "archives", training, validation), folder)
    for split in ("train", "val"):
        store(manifest, split, folder / f"pixels-{split}", "--size 72")
        store(manifest, split, folder / f"files-{split}", "")
        store(manifest, split, folder / f"jpeg-{split}", "--size 72 --quality 90")
    return folder


def stores(prepared: Path, form: str) -> str:
    return f"--store {prepared}/{form}-train --validation-store {prepared}/{form}-val"


def test_a_broken_image_is_listed_and_left_out(prepared):
    with (prepared / "problems.csv").open() as file:
        (problem,) = csv.DictReader(file)
    assert problem["path"].endswith("::n00000020.tar::n00000020_2.JPEG")
    assert len(read_manifest(prepared / "m.parquet", "classification", "train")) == 11
    assert len(ImageStore(prepared / "jpeg-train")) == 11


def test_stores_train_the_same_network_as_files(prepared, tmp_path):
    """From the archives into memory, from plain pixels by workers, from files as they are."""
    files = pretrain(tmp_path / "a", f"--manifest {prepared}/m.parquet")
    pixels = pretrain(tmp_path / "b", f"{stores(prepared, 'pixels')} --workers 2")
    resized = pretrain(tmp_path / "c", stores(prepared, "files"))
    assert same(files, pixels) and same(files, resized)
    assert load_network(tmp_path / "b/n.safetensors", "cpu").architecture.classes == CLASSES
    with (tmp_path / "b/n.csv").open() as file:
        assert [row["size"] for row in csv.DictReader(file)] == ["64", "56"]
    assert json.loads((tmp_path / "b/n.json").read_text())["images"] == 6


def test_two_processes_train_from_a_store(prepared, tmp_path):
    """As on two GPUs: the first writes, the images of an epoch are counted once."""
    words = f"""-m torch.distributed.run --standalone --nproc-per-node 2 -m sppnet pretrain
        {stores(prepared, "jpeg")} {TRAINING} {outputs(tmp_path)} --device cpu"""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *shlex.split(words)]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    with (tmp_path / "n.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["size"] for row in rows] == ["64", "56"]
    assert float(rows[0]["train_error"]) * 8 in range(9)
    assert load_network(tmp_path / "n.safetensors", "cpu").architecture.classes == CLASSES


@pytest.mark.parametrize(
    ("images", "settings", "words"),
    [
        ("--store {}/jpeg-train", TRAINING, ["--manifest: ", "--validation-store"]),
        ("--manifest {0}/m.parquet --store {0}/jpeg-train", TRAINING, ["--manifest: "]),
        (
            "--store {0}/jpeg-train --validation-store {0}/jpeg-val",
            TRAINING.replace("--resize 72", "--resize 80"),
            ["--store ", "72 pixels", "--resize"],
        ),
        (
            "--manifest {}/m.parquet",
            TRAINING.replace("--precision full", "--precision mixed"),
            ["--precision: ", "GPU"],
        ),
    ],
)
def test_wrong_flags_are_one_line(prepared, tmp_path, images, settings, words):
    with pytest.raises(SppnetError) as error:
        pretrain(tmp_path, images.format(prepared), f"{settings} --device cpu")
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())
    assert all(word in str(error.value) for word in words)


def test_damage_shows_when_a_store_is_verified(prepared, tmp_path, monkeypatch):
    damage = ImageStore.damage

    def damaging(store, index):
        path = shard_path(store.path, 0)
        path.write_bytes(b"x" + path.read_bytes()[1:])
        return damage(store, index)

    monkeypatch.setattr(ImageStore, "damage", damaging)
    with pytest.raises(SppnetError, match=r"train/n00000010/n00000010_0\.JPEG: .*00000\.bin"):
        store(prepared / "m.parquet", "train", tmp_path / "s", "--size 72")


@pytest.mark.parametrize("split", ["train", "val"])
def test_damage_shows_before_training(prepared, tmp_path, split):
    for name in ("train", "val"):
        shutil.copytree(prepared / f"pixels-{name}", tmp_path / f"pixels-{name}")
    shard = shard_path(tmp_path / f"pixels-{split}", 0)
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(SppnetError, match=rf"{shard} have changed; store it again"):
        pretrain(tmp_path / "n", stores(tmp_path, "pixels"))


@pytest.mark.skipif(
    not (IMAGENETTE / "train").is_dir(),
    reason=f"{IMAGENETTE}: no copy of Imagenette; the environment variable IMAGENETTE names one",
)
def test_photographs_of_imagenet(tmp_path):
    """Two classes of real photographs, put into the archives that ImageNet comes in."""
    names = sorted(path.name for path in (IMAGENETTE / "train").iterdir())[:2]

    def photographs(split, name, count):
        paths = sorted((IMAGENETTE / split / name).iterdir())[:count]
        return {path.name: path.read_bytes() for path in paths}

    training = {name: photographs("train", name, 8) for name in names}
    validation = [(name, data) for name in names for data in photographs("val", name, 4).values()]
    manifest = prepare(write_imagenet(tmp_path / "archives", training, validation), tmp_path)
    for split in ("train", "val"):
        store(manifest, split, tmp_path / f"jpeg-{split}", "--size 72 --quality 90")
    pretrain(tmp_path, stores(tmp_path, "jpeg"))
    architecture = load_network(tmp_path / "n.safetensors", "cpu").architecture
    assert architecture.classes == tuple(names)
    assert json.loads((tmp_path / "n.json").read_text())["images"] == 8
