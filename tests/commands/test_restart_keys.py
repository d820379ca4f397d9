"""What unfinished work belongs to: each parameter of each stage that keeps some in a folder."""

import ast
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny_network

import sppnet
from sppnet.cli import COMMANDS, build, run
from sppnet.code_hash import package_hash
from sppnet.config.section import flags
from sppnet.data import store
from sppnet.data.image_store_writer import write_image_store
from sppnet.data.imagenet_writer import write_imagenet
from sppnet.data.manifest import ImageRecord, read_manifest, write_manifest
from sppnet.data.settings import Store
from sppnet.data.store import file_sha256, restart_directory
from sppnet.detect.proposals import write_proposals
from sppnet.models import compute
from sppnet.models.score_files import Scores, write_scores
from sppnet.models.weights import save_network

PACKAGE = Path(sppnet.__file__).parent
# Files that no stage reads before it knows its folder.
OPAQUE = (
    *("finetuned", "svm", "bbox"),
    *("a.npy", "a.parquet", "b.npy", "b.parquet"),
)


@dataclass(frozen=True)
class Counts:
    """A setting, with two values that need two folders.

    Both need what `beside` says; where nothing else is tested, `usual` is given.
    """

    one: Any
    other: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    absent: bool = False

    @property
    def usual(self) -> Any:
        return None if self.absent else self.one


class File:
    """Input files or folders whose contents count, but not where they lie.

    With `instead_of`, they are usually absent, and given in the place of those inputs.
    """

    def __init__(self, *names: str, instead_of: tuple[str, ...] | None = None) -> None:
        self.given = list(map(Path, names)) if len(names) > 1 else Path(names[0])
        self.usual = self.given if instead_of is None else None
        self.beside = dict.fromkeys(instead_of or ())
        indices = [f"{Path(name).stem}.parquet" for name in names if name.endswith(".npy")]
        self.names = [*names, *indices]


@dataclass(frozen=True)
class Free:
    """A parameter that leaves the folder as it is, with two values and why."""

    usual: Any
    other: Any
    reason: str


WRITTEN = Free(Path("out/one"), Path("out/other"), "written when all is done")
WORK = Free(Path("work"), Path("elsewhere"), "where the folder lies, not what it is called")
WORKERS = Free(1, 2, "each item is made by one process, alike")
IMAGES = Counts(None, 8)
PRECISION = {"precision": Counts("full", "bfloat16")}
SEED = Counts(1, 2)
ON_DEVICE = {"device": Counts("cpu", "cuda"), "threads": Counts(1, 2), "work": WORK}
SCALING = {
    "target_norm": Counts(20.0, 30.0),
    "stats_images": Counts(4, 5),
    "stats_boxes": Counts(9, 10),
    "seed": SEED,
}
SOURCES = ON_DEVICE | {
    "manifest": File("manifest.parquet"),
    "proposals": File("proposals.parquet"),
    "weights": File("network.safetensors"),
    "finetuned": File("finetuned"),
    "features": File("a.npy", "b.npy"),
    "scales": Counts([192, 256], [256, 192]),
    "target": Counts(80, 90),
    "shrink": Counts(6.5, 6.0),
    "images": IMAGES,
}
# One chunk holds 80 iterations: what makes it longer does not change the number of chunks too.
FINETUNING = ON_DEVICE | {
    "manifest": File("manifest.parquet"),
    "proposals": File("proposals.parquet"),
    "weights": File("network.safetensors"),
    "images": IMAGES,
    "iterations": Counts(20, 100),
    "learning_rate": Counts(0.001, 0.002),
    "momentum": Counts(0.9, 0.8),
    "weight_decay": Counts(0.0005, 0.0),
    "warmup": Counts(1, 2),
    "classifier_std": Counts(0.01, 0.02),
    "dropout": Counts(0.5, 0.0),
    "batch": Counts(4, 2),
    "positive_fraction": Counts(0.25, 0.5),
    "positive_iou": Counts(0.5, 0.6),
    "images_per_chunk": Counts(40, 50),
    "windows_per_image": Counts(8, 9),
    "holdout": Counts(0.0, 0.2),
    "holdout_windows": Counts(100, 90),
    "milestones": Counts([20], [100]),
    "seed": SEED,
    "output": WRITTEN,
    "history": WRITTEN,
}
NO_PLATEAU = {"plateau": None, "holdout": None}
STAGES: dict[str, dict[str, Counts | File | Free]] = {
    "classify": ON_DEVICE
    | PRECISION
    | {
        "manifest": File("manifest.parquet"),
        "weights": File("network.safetensors"),
        "view_set": Free("ten", "six_scales", "named beside the results"),
        "source": Counts("maps", "crops"),
        "window": Counts(64, 56),
        "positions": Counts(5, 9),
        "mirrored": Counts(False, True),
        "scales": Counts([72, 80], [80, 72]),
        "full": Counts(None, 72),
        "base": Counts(None, Path("base.safetensors"), {"full": 72}),
        "scores": WRITTEN,
        "metrics": WRITTEN,
    },
    "store-images": {
        "manifest": File("manifest.parquet"),
        "dataset": Counts("detection", "classification", {"split": "val"}),
        "split": Counts("train", "val"),
        "shard_images": Counts(2, 3),
        "size": Counts(64, 48),
        "quality": Counts(None, 90),
        "work": WORK,
        "output": WRITTEN,
        "digest": WRITTEN,
        "verify": Free(False, True, "reads what is written"),
        "workers": WORKERS,
    },
    "cache-image-features": ON_DEVICE
    | PRECISION
    | {
        "manifest": File("manifest.parquet"),
        "dataset": Counts("detection", "classification", {"split": "val"}),
        "split": Counts("trainval", "test"),
        "weights": File("network.safetensors"),
        "size": Counts(72, 80),
        "input": Counts("full", "warp"),
        "crop": Counts(64, 56, {"input": "crop"}, absent=True),
        "output": WRITTEN,
    },
    "train-svm": SOURCES
    | SCALING
    | PRECISION
    | {
        "cost": Counts(0.1, 0.2),
        "bias": Counts(10.0, 1.0),
        "positive_weight": Counts(2.0, 1.0),
        "tolerance": Counts(0.01, 0.02),
        "negative_iou": Counts(0.3, 0.2),
        "duplicates": Counts("overlap", "cells"),
        "duplicate_iou": Counts(0.7, 0.8),
        "hard_threshold": Counts(-1.0001, -1.0),
        "evict_threshold": Counts(-1.2, -1.3),
        "retrain_after": Counts(5, 6),
        "output": WRITTEN,
        "report": WRITTEN,
    },
    "pretrain": ON_DEVICE
    | {
        "backbone": Counts("zf5", "alex5"),
        "width": Counts(0.05, 0.1),
        "levels": Counts([2, 1], [1, 2]),
        "fc": Counts(8, 9),
        "mean": Counts([128.0, 128.0, 128.0], [128.0, 128.0, 127.0]),
        "std": Counts(58.0, 59.0),
        "channel_order": Counts("RGB", "BGR"),
        "initialisation": Counts("he", "gaussian"),
        "resize": Counts(72, 80),
        "crop": Counts(64, 72),
        "sizes": Counts([64, 72], [72, 64]),
        "size_choice": Counts("alternate", "random"),
        "epochs": Counts(3, 4),
        "batch": Counts(4, 2),
        "learning_rate": Counts(0.01, 0.02),
        "momentum": Counts(0.9, 0.8),
        "weight_decay": Counts(0.0005, 0.0),
        "warmup": Counts(1, 2),
        "colour": Counts(0.1, 0.0),
        "seed": SEED,
        "weights": WRITTEN,
        "history": WRITTEN,
        "metrics": WRITTEN,
        "manifest": File("manifest.parquet", instead_of=("store", "validation_store")),
        "store": File("store"),
        "validation_store": File("validation_store"),
        "milestones": Counts([1], [2], NO_PLATEAU, absent=True),
        "plateau": Counts(1, 2),
        "holdout": Counts(0.25, 0.5),
        "images_per_epoch": Counts(None, 4),
        "optimiser": Counts("sgd", "adamw"),
        "annealing": Counts("steps", "cosine", {"plateau": None, "holdout": None}),
        "dropout": Counts(0.5, 0.0),
        "map_std": Counts(1.0, 2.0),
        "backbone_weights": File("network.safetensors", instead_of=()),
        "freeze_backbone": Counts(False, True),
        "precision": Counts("full", "mixed", {"device": "cuda"}),
        "workers": Free(0, 1, "they cut what this process has drawn"),
    },
    "cache-maps": ON_DEVICE
    | PRECISION
    | {
        "manifest": File("manifest.parquet"),
        "split": Counts("trainval", "test"),
        "weights": File("network.safetensors"),
        "size": Counts(192, 256),
        "output": WRITTEN,
    },
    "train-bbox": SOURCES
    | SCALING
    | {
        "overlap": Counts(0.5, 0.6),
        "regularisation": Counts(4000.0, 1000.0),
        "whitening": Counts(0.001, 0.002),
        "maximum_pairs": Counts(1000, 1001),
        "output": WRITTEN,
    },
    "finetune-rcnn": FINETUNING
    | {
        "crop": Counts(67, 99),
        "context": Counts(4, 0),
        "mirror": Counts(False, True),
    },
    "finetune": FINETUNING
    | {
        "features": File("a.npy", "b.npy"),
        "scales": Counts([192, 256], [256, 192]),
        "target": Counts(80, 90),
        "shrink": Counts(6.5, 6.0),
        "negative_low": Counts(0.1, 0.0),
        "negative_high": Counts(0.5, 0.4),
        "scale_choice": Counts("best", "random"),
    },
    "cache-region-features": ON_DEVICE
    | PRECISION
    | {
        "manifest": File("manifest.parquet"),
        "split": Counts("trainval", "test"),
        "proposals": File("proposals.parquet"),
        "weights": File("network.safetensors"),
        "crop": Counts(67, 99),
        "context": Counts(4, 0),
        "images": IMAGES,
        "batch": Counts(4, 8),
        "output": WRITTEN,
    },
    "propose": {
        "manifest": File("manifest.parquet"),
        "split": Counts("trainval", "test"),
        "base_k": Counts([50, 100], [50]),
        "sigma": Counts(0.8, 0.5),
        "longest_side": Counts(500, 300),
        "minimum_side": Counts(20, 16),
        "work": WORK,
        "output": WRITTEN,
        "recall": WRITTEN,
        "maximum": Free(0, 10, "the folder holds all boxes, which are cut off afterwards"),
        "workers": WORKERS,
    },
    # The pictures count one by one, by the time of change of their file: see `inspect_resumably`.
    "prepare-imagenet": {
        "root": Counts(Path("imagenet"), Path("imagenet-again")),
        "manifest": WRITTEN,
        "problems": WRITTEN,
        "work": WORK,
        "workers": WORKERS,
    },
    "detect": SOURCES
    | PRECISION
    | {
        "svm": File("svm"),
        "bbox": File("bbox"),
        "minimum_score": Counts(-1.5, -1.0),
        "nms": Counts(0.3, 0.5),
        "top": Counts(100, 50),
        "output": WRITTEN,
    },
}


def command(verb: str) -> Callable[..., None]:
    run: Callable[..., None] = import_module(COMMANDS[verb]).run
    return run


def parameters(verb: str) -> set[str]:
    """Options of a command, as they are called in the table."""
    options = build(described=False)[verb].assemble_argument_collection()
    return {each.name.removeprefix("--").replace("-", "_") for each in options if each.show}


CASES = [(verb, name) for verb in STAGES for name in sorted(parameters(verb))]


class Reached(Exception):
    """A command came to its restart folder; nothing after that is run."""


def reach(base: Path, settings: Mapping[str, Any], inputs: list[Path]) -> None:
    raise Reached(restart_directory(base, settings, inputs))


def placed(root: Path, value: Any) -> Any:
    """Paths, and lists of them, below a folder; any other value."""
    if isinstance(value, list):
        return [placed(root, each) for each in value]
    return root / value if isinstance(value, Path) else value


def restart(verb: str, root: Path, changes: Mapping[str, Any]) -> Path:
    """Restart folder of a stage with the values of the table, but for the changes."""
    values = {name: each.usual for name, each in STAGES[verb].items()} | dict(changes)
    module = import_module(COMMANDS[verb])
    words = flags({name: placed(root, value) for name, value in values.items()})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "restart_directory", reach)
        # A GPU need not be there: nothing is computed.
        patched.setattr(compute, "choose_device", torch.device)
        patched.setattr(torch.nn.Module, "to", lambda self, *_, **__: self)
        patched.setattr(torch, "set_num_threads", lambda _: None)
        with pytest.raises(Reached) as reached:
            run([verb, *shlex.split(words)])
    folder: Path = reached.value.args[0]
    return folder


def picture(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (90, 80, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def fill(folder: Path, seed: int) -> None:
    """All inputs of all stages; another seed gives others, of the same form."""
    folder.mkdir()
    for name in OPAQUE:
        (folder / name).write_text(f"{name} {seed}")
    records = []
    for number, split in enumerate(("train", "train", "train", "train", "val", "val")):
        path = picture(folder / f"{number}.png", 10 * seed + number)
        about = (str(path), 80, 90, file_sha256(path))
        records.append(ImageRecord("classification", split, str(number), *about, "ab"[number % 2]))
    objects = (("a",), np.array([[10, 10, 40, 50 + seed]]), np.zeros(1, bool))
    for split in ("trainval", "test", "train", "val"):
        records.append(ImageRecord("detection", split, split, *about, None, *objects))
    write_manifest(folder / "manifest.parquet", records)
    boxes = np.array([[0, 0, 30, 30 + seed]], np.float32)
    write_proposals(folder / "proposals.parquet", {"trainval": boxes, "test": boxes}, {})
    network = tiny_network(seed)
    save_network(folder / "network.safetensors", network)
    described = {"classes": ["a", "b"], "images": ["4", "5"], "scales": [72, 80]}
    scored = Scores(torch.full((2, 2), 0.5), torch.tensor([0, 1]), described, torch.tensor([1, 1]))
    write_scores(folder / "base.safetensors", scored)
    for name, split in (("store", "train"), ("validation_store", "val")):
        some = read_manifest(folder / "manifest.parquet", "classification", split)
        (folder / "parts").mkdir()
        options = {"workers": 1, "restart": folder / "parts"}
        write_image_store(folder / name, some, Store(shard_images=4), **options)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """Folders `one` and `other` with the same files of different contents."""
    folder = tmp_path_factory.mktemp("inputs")
    for seed, name in enumerate(("one", "other")):
        fill(folder / name, seed)
    data = (folder / "one/0.png").read_bytes()
    for root in ("imagenet", "imagenet-again"):
        write_imagenet(
            folder / "one" / root, {"n00000010": {"n.JPEG": data}}, [("n00000010", data)]
        )
    return folder


@pytest.fixture(scope="module")
def usual(inputs) -> Callable[[str], str]:
    """The name of a stage's folder with the values of the table."""
    return cache(lambda verb: restart(verb, inputs / "one", {}).name)


def test_every_stage_with_a_restart_folder_is_here():
    users = set()
    for path in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {getattr(node, "id", getattr(node, "attr", None)) for node in nodes}
        names |= {node.name for node in nodes if isinstance(node, ast.alias)}
        if "restart_directory" in names:
            users.add(".".join(("sppnet", *path.relative_to(PACKAGE).with_suffix("").parts)))
    assert users == {COMMANDS[verb] for verb in STAGES}


@pytest.mark.parametrize("verb", STAGES)
def test_every_parameter_is_declared(verb):
    assert set(STAGES[verb]) == parameters(verb)


@pytest.mark.parametrize(("verb", "name"), CASES)
def test_a_parameter_changes_the_folder_or_not(verb, name, inputs, usual, tmp_path):
    assert name in STAGES[verb], f"{verb}: say above whether {name} changes the restart folder"
    parameter = STAGES[verb][name]
    if isinstance(parameter, File):
        check_contents(verb, name, parameter, inputs, tmp_path)
    elif isinstance(parameter, Free):
        assert restart(verb, inputs / "one", {name: parameter.other}).name == usual(verb)
    else:
        one = {**parameter.beside, name: parameter.one}
        before = restart(verb, inputs / "one", one).name if parameter.beside else usual(verb)
        assert restart(verb, inputs / "one", one | {name: parameter.other}).name != before


def check_contents(verb: str, name: str, file: File, inputs: Path, tmp_path: Path) -> None:
    given = {**file.beside, name: file.given}
    before = restart(verb, inputs / "one", given).name
    for number, changed in enumerate(file.names):
        root = tmp_path / str(number)
        shutil.copytree(inputs / "one", root)
        assert restart(verb, root, given).name == before
        if (root / changed).is_dir():
            shutil.rmtree(root / changed)
            shutil.copytree(inputs / "other" / changed, root / changed)
        else:
            shutil.copy(inputs / "other" / changed, root / changed)
        assert restart(verb, root, given).name != before, changed


@pytest.mark.parametrize("verb", STAGES)
def test_the_folder_lies_in_that_for_unfinished_work(verb, inputs):
    root = inputs / "one"
    assert restart(verb, root, {"work": Path("w")}).parent == root / "w"


@pytest.mark.parametrize("verb", [verb for verb in STAGES if "device" in STAGES[verb]])
def test_gpus_are_alike_and_threads_do_not_count_beside_them(verb, inputs):
    first = restart(verb, inputs / "one", {"device": "cuda"})
    assert restart(verb, inputs / "one", {"device": "cuda:1", "threads": 2}) == first


def test_the_number_of_processes_of_a_training_counts(inputs, monkeypatch):
    """Each draws a dropout of its own."""
    one = restart("pretrain", inputs / "one", {})
    monkeypatch.setattr(import_module(COMMANDS["pretrain"]), "process_count", lambda: 2)
    assert restart("pretrain", inputs / "one", {}) != one


def change_code(folder: Path, change: str) -> None:
    module, deeper = folder / "first.py", folder / "room/second.py"
    if change == "edited":
        module.write_text("a = 2")
    elif change == "edited in a subfolder":
        deeper.write_text("b = 2")
    elif change == "added in a subfolder":
        (folder / "room/more.py").write_text("")
    elif change == "renamed":
        module.rename(folder / "other.py")
    elif change == "moved":
        module.rename(folder / "room/first.py")
    elif change == "removed":
        deeper.unlink()
    else:
        module.write_text("b = 1")
        deeper.write_text("a = 1")


@pytest.mark.parametrize(
    "change",
    [
        *("edited", "edited in a subfolder", "added in a subfolder", "renamed", "moved"),
        *("removed", "exchanged"),
    ],
)
def test_the_code_of_the_package_counts(tmp_path, monkeypatch, change):
    assert package_hash() == package_hash(PACKAGE)
    package, changed = tmp_path / "package", tmp_path / "changed"
    (package / "room/__pycache__").mkdir(parents=True)
    (package / "first.py").write_text("a = 1")
    (package / "room/second.py").write_text("b = 1")
    shutil.copytree(package, changed)
    (changed / "room/__pycache__/second.pyc").write_bytes(b"compiled")

    def folder(code: Path) -> Path:
        monkeypatch.setattr(store, "package_hash", lambda: package_hash(code))
        return restart_directory(tmp_path, {}, [])

    before = folder(package)
    assert folder(shutil.copytree(changed, tmp_path / "alike")) == before
    change_code(changed, change)
    assert folder(changed) != before
