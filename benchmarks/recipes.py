"""Recipes of pretraining on generated images, compared on sets that no table uses.

python benchmarks/recipes.py FOLDER [TRIAL ...]     restartable; prints a line per network

The sets have another seed than that of config/mini.yaml: nothing is chosen on its images. Figures
of one run are in recipes.md.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sppnet.cli import run
from sppnet.data.store import read_json

SEED = 1000
# The C library keeps freed memory, as in the workflow (benchmarks/memory.md).
MEMORY = {f"MALLOC_{name}_THRESHOLD_": str(1 << 33) for name in ("MMAP", "TRIM")}
LARGE = "--aspects 1 1.25 --object-sides 0.55 0.95 --spread 1"
SETS = {
    "wide": "--aspects 1 1.6 --object-sides 0.35 0.9 --deformation 1 --spread 1 --clutter 1",
    "near": "--aspects 1 1.3 --object-sides 0.45 0.9 --deformation 1 --spread 1 --clutter 1",
    "large": f"{LARGE} --deformation 1 --clutter 1",
    "clear": f"{LARGE} --deformation 1 --clutter 0.5",
    "harder": f"{LARGE} --deformation 0.75 --clutter 0.75",
    "mini": f"{LARGE} --deformation 0.5 --clutter 0.5",
}
COMMON = """--fc 256 --mean 128 128 128 --std 58 --channel-order RGB --initialisation he
    --resize 200 --crop 176 --size-choice alternate --weight-decay 0.0005 --warmup 100
    --colour 0.1 --momentum 0.9 --precision full --threads 1"""
VARIANTS = {
    "no_spp": "--levels 6 --sizes 176",
    "spp_single": "--levels 6 3 2 1 --sizes 176",
    "spp_multi": "--levels 6 3 2 1 --sizes 176 140",
}
ZF5 = "--backbone zf5 --width 0.125"
OVERFEAT7 = "--backbone overfeat7 --width 0.0625"
SGD = "--optimiser sgd --annealing steps --learning-rate 0.004 --batch 16"
ADAMW = "--optimiser adamw --annealing cosine"
FEW = f"{ADAMW} --dropout 0 --learning-rate 0.0005 --batch 8"  # of mini
SINGLE = f"{ZF5} {VARIANTS['spp_single']}"
# Set and options of each trial.
TRIALS = {
    "sgd": ("wide", f"{SINGLE} {SGD} --milestones 4 5 --dropout 0.5 --epochs 6"),
    "dropout": (
        "wide",
        f"{SINGLE} {ADAMW} --dropout 0.5 --learning-rate 0.001 --batch 16 --epochs 6",
    ),
    "no_dropout": (
        "wide",
        f"{ZF5} {VARIANTS['no_spp']} {ADAMW} --dropout 0 --learning-rate 0.001 --batch 16"
        " --epochs 7",
    ),
    **{
        f"near_{batch}_{rate}": (
            "near",
            f"{SINGLE} {ADAMW} --dropout 0 --learning-rate {rate} --batch {batch} --epochs 7",
        )
        for batch, rate in ((16, 0.001), (16, 0.002), (32, 0.002), (8, 0.0005))
    },
    "large": ("large", f"{SINGLE} {FEW} --epochs 7"),
    "large_longer": ("large", f"{SINGLE} {FEW} --epochs 13"),
    "large_overfeat7": ("large", f"{OVERFEAT7} {VARIANTS['spp_single']} {FEW} --epochs 9"),
    "clear": ("clear", f"{SINGLE} {FEW} --epochs 7"),
    "harder": ("harder", f"{SINGLE} {FEW} --epochs 9"),
    "mini": ("mini", f"{SINGLE} {FEW} --epochs 7"),
    "mini_overfeat7": ("mini", f"{OVERFEAT7} {VARIANTS['spp_single']} {FEW} --epochs 9"),
}


def draw(folder: Path, options: str, *, images: Sequence[int] = (6000, 2000)) -> Path:
    """Draw a set, if it is not there yet; returns its manifest."""
    manifest = folder / "manifest.parquet"
    if not manifest.exists():
        folder.mkdir(parents=True, exist_ok=True)
        count = " ".join(map(str, images))
        words = f"generate --layout ImageFolder --seed {SEED} --quality 90 --sides 200 256"
        words += f" --objects 1 1 --cut 0 --images {count} --workers 2 {options}"
        scenes = f"{folder}/scenes"
        run([*words.split(), "--output", scenes, "--digest", f"{scenes}.json"])
        problems = f"{folder}/problems.csv"
        words = f"prepare-image-folder --root {scenes} --problems {problems}"
        run([*words.split(), "--manifest", str(manifest)])
    return manifest


def train(stem: Path, manifest: Path, options: str, *, seed: int = 1) -> float:
    """Train a network, if it is not there yet, and print its errors; returns its last."""
    files = {kind: f"{stem}.{kind}" for kind in ("safetensors", "csv", "json")}
    start = time.perf_counter()
    if not Path(files["json"]).exists():
        words = (
            f"pretrain {COMMON} {options} --seed {seed} --work {stem}.work --manifest {manifest}"
        )
        outputs = f"--weights {files['safetensors']} --history {files['csv']}"
        run([*words.split(), *outputs.split(), "--metrics", files["json"]])
    history = pd.read_csv(files["csv"])
    error = float(read_json(Path(files["json"]))["top1"]["error"])
    curve = " ".join(f"{100 * value:.1f}" for value in history["validation_error"])
    print(
        f"{stem.name}: train {100 * history['train_error'].iloc[-1]:.1f}, crop {curve}, "
        f"{time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return error


def keep_memory() -> None:
    """Start anew with the memory settings of the workflow, which a process reads at its start."""
    if MEMORY.items() - os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MEMORY})


def main() -> None:
    """Draw the sets and train what is asked for."""
    keep_memory()
    folder = Path(sys.argv[1])
    for name in sys.argv[2:] or TRIALS:
        image_set, options = TRIALS[name]
        train(folder / name, draw(folder / image_set, SETS[image_set]), options)


if __name__ == "__main__":
    main()
