"""Recipes of pretraining on generated pictures, compared on a set that no table uses.

python benchmarks/recipes.py FOLDER [NAME ...]     restartable; prints a line per network

The set has another seed than that of config/mini.yaml, so nothing is chosen on its images.
"""

import sys
import time
from pathlib import Path

import pandas as pd

from sppnet.cli import run
from sppnet.data.store import read_json

SET = """--seed 1000 --aspects 1.0 1.6 --quality 90 --sides 200 256 --object-sides 0.35 0.9
    --objects 1 1 --cut 0 --images 6000 2000"""
COMMON = """--fc 256 --mean 128 128 128 --std 58 --channel-order RGB --initialisation he
    --resize 200 --crop 176 --size-choice alternate --batch 16 --weight-decay 0.0005
    --colour 0.1 --momentum 0.9 --precision full --threads 1"""
SGD = "--optimiser sgd --learning-rate 0.004 --warmup 100 --annealing steps"
ADAMW = "--optimiser adamw --learning-rate 0.001 --warmup 100 --annealing cosine"
VARIANTS = {
    "no_spp": "--levels 6 --sizes 176",
    "spp_single": "--levels 6 3 2 1 --sizes 176",
    "spp_multi": "--levels 6 3 2 1 --sizes 176 140",
}
ZF5 = "--backbone zf5 --width 0.125"
CONVNET5 = "--backbone convnet5 --width 0.125"
OVERFEAT5 = "--backbone overfeat5 --width 0.0625"
OVERFEAT7 = "--backbone overfeat7 --width 0.0625"


def recipes() -> dict[str, str]:
    """Options of each trial by name."""
    single = VARIANTS["spp_single"]
    trials = {
        "sgd": f"{ZF5} {single} {SGD} --milestones 4 5 --epochs 6 --dropout 0.5",
        "adamw_dropout": f"{ZF5} {single} {ADAMW} --epochs 6 --dropout 0.5",
        "adamw": f"{ZF5} {single} {ADAMW} --epochs 6 --dropout 0",
        "overfeat7": f"{OVERFEAT7} {single} {ADAMW} --epochs 7 --dropout 0",
        "convnet5": f"{CONVNET5} {single} {ADAMW} --epochs 7 --dropout 0",
        "overfeat5": f"{OVERFEAT5} {single} {ADAMW} --epochs 7 --dropout 0",
    }
    for epochs in (7, 11, 15):
        for name, variant in VARIANTS.items():
            for seed in (1, 2):
                key = f"zf5_{name}_{epochs}_{seed}"
                trials[key] = f"{ZF5} {variant} {ADAMW} --epochs {epochs} --dropout 0 --seed {seed}"
    return trials


def train(folder: Path, name: str, options: str) -> None:
    """Train a network, if it is not there yet, and print its errors."""
    files = {kind: folder / f"{name}.{kind}" for kind in ("safetensors", "csv", "json")}
    start = time.perf_counter()
    if not files["json"].exists():
        words = f"pretrain {COMMON} {options} --work {folder / 'work' / name}"
        words += "" if "--seed" in options else " --seed 1"
        outputs = (
            f"--weights {files['safetensors']} --history {files['csv']} --metrics {files['json']}"
        )
        run([*words.split(), *outputs.split(), "--manifest", str(folder / "manifest.parquet")])
    history = pd.read_csv(files["csv"])
    top1 = read_json(files["json"])["top1"]["error"]
    curve = " ".join(f"{100 * error:.1f}" for error in history["validation_error"])
    print(
        f"{name}: train {100 * history['train_error'].iloc[-1]:.1f}, crop {curve}, "
        f"10 views {100 * top1:.1f}; {time.perf_counter() - start:.0f} s",
        flush=True,
    )


def main() -> None:
    """Draw the set once and train what is asked for."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.parquet"
    if not manifest.exists():
        scenes = folder / "scenes"
        run(
            [
                "generate",
                "--layout",
                "ImageFolder",
                *SET.split(),
                "--workers",
                "2",
                "--output",
                str(scenes),
                "--digest",
                f"{folder}/scenes.json",
            ]
        )
        run(
            [
                "prepare-image-folder",
                "--root",
                str(scenes),
                "--manifest",
                str(manifest),
                "--problems",
                f"{folder}/problems.csv",
            ]
        )
    trials = recipes()
    for name in sys.argv[2:] or trials:
        train(folder, name, trials[name])


if __name__ == "__main__":
    main()
