"""Every stage that reads pictures stops at one that is not the picture of its manifest."""

import json
import shlex

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny import tiny_network

from sppnet.cli import run
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256
from sppnet.detect.detections import write_detections
from sppnet.detect.proposals import write_proposals
from sppnet.errors import SppnetError
from sppnet.models.weights import save_network

STAGES = {
    "propose": """--split trainval --base-k 50 --sigma 0.8 --longest-side 500 --minimum-side 20
        --maximum 0 --work work --recall out/recall.json --output out/o""",
    "cache-maps": "--split trainval --weights net --size 96 --work work --output out/o.npy",
    "cache-region-features": """--split trainval --proposals trainval --weights net --crop 67
        --context 4 --work work --output out/o.npy""",
    "finetune-rcnn": """--proposals trainval --weights net --crop 67 --context 4 --iterations 2
        --learning-rate 0.01 --momentum 0.9 --weight-decay 0 --warmup 0 --classifier-std 0.01
        --dropout 0.5 --batch 4 --positive-fraction 0.25 --positive-iou 0.5 --images-per-chunk 2
        --windows-per-image 4 --holdout 0 --holdout-windows 4 --mirror --seed 1 --work work
        --output out/o --history out/o.csv""",
    "measure-speed": """--proposals test --columns columns.json --images 2 --repeats 1 --batch 2
        --output out/o.json""",
    "measure-view-speed": """--weights net --view-sets views.json --images 2 --repeats 1
        --output out/o.json""",
    "measure-training-speed": """--variants variants.json --resize 72 --crop 64 --batch 2
        --batches 1 --turns 1 --learning-rate 0.01 --momentum 0.9 --weight-decay 0 --colour 0.1
        --seed 1 --precision full --output out/o.json""",
    "draw-detections": "--detections found --images 2 --minimum-score 0 --nms 0.3 --output out/o",
    "cache-image-features": """--dataset detection --split trainval --weights net --size 72
        --input full --work work --output out/o.npy""",
    "pretrain": """--backbone zf5 --width 0.05 --levels 1 --fc 8 --mean 128 128 128
        --std 58 --channel-order RGB --initialisation he --resize 72 --crop 64 --epochs 1 --batch 2
        --learning-rate 0.01 --momentum 0.9 --weight-decay 0 --warmup 0 --colour 0.1 --seed 1
        --sizes 64 --size-choice alternate --precision full --work work --weights out/o
        --history out/o.csv --metrics out/o.json""",
    "store-images": """--dataset classification --split train --shard-images 2 --workers 1
        --work work --output out/o --digest out/o.json""",
    "classify": """--weights net --view-set one --source maps --scales 72 --window 64
        --positions 1 --mirrored --work work --scores out/o --metrics out/o.json""",
    "draw-responses": """--dataset classification --split val --weights net --filters 1 --images 1
        --size 96 --output out/o.png""",
    "draw-view-positions": """--backbone zf5 --window 64 --positions 5 --scales 96
        --output out/o.png""",
}

VIEWS = {"source": "maps", "scales": [72], "window": 64, "positions": 1, "mirrored": True}
VARIANT = {"name": "one", "weights": "net", "sizes": [64], "size_choice": "alternate"}
COLUMN = {"name": "one", "weights": "net", "finetuned": "net", "svm": "svm"}
COLUMN |= {"warp": {"crop": 67, "context": 4}}
REQUESTS = {
    "views": {"view_sets": {"one": VIEWS}},
    "variants": {"variants": [VARIANT]},
    "columns": {"columns": [COLUMN]},
}


def draw(path, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (96, 96, 3), np.uint8)).save(path)


def record(number, dataset, split):
    path = f"{split}-{number}.png"
    draw(path, number)
    place = (dataset, split, str(number), path, 96, 96, file_sha256(path))
    if dataset == "classification":
        return ImageRecord(*place, "ab"[number % 2])
    boxes, difficult = np.array([[4, 4, 60, 60]], np.float32), np.zeros(1, bool)
    return ImageRecord(*place, None, ("ab"[number % 2],), boxes, difficult)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where all that the stages read lies, two pictures a split."""
    monkeypatch.chdir(tmp_path)
    splits = {"trainval": "detection", "test": "detection"}
    splits |= {"train": "classification", "val": "classification"}
    records = [record(n, dataset, split) for split, dataset in splits.items() for n in (0, 1)]
    write_manifest(tmp_path / "m", records)
    boxes = np.array([[0, 0, 56, 56], [40, 40, 96, 96]], np.float32)
    for split in ("trainval", "test"):
        write_proposals(tmp_path / split, {"0": boxes, "1": boxes}, {})
    row = {"layer": "ftfc7", "class_name": "a", "image": "0", "score": 1.0}
    corners = [f"{regressed}{side}" for regressed in ("", "r") for side in ("x1", "y1", "x2", "y2")]
    found = pd.DataFrame([row | dict.fromkeys(corners, 1.0)])
    write_detections(tmp_path / "found", found, ["0", "1"], ["ftfc7"])
    net = tiny_network(levels=(1,))
    save_network(tmp_path / "net", net)
    for name, request in REQUESTS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(request))
    return tmp_path


@pytest.mark.parametrize("stage", STAGES)
def test_a_replaced_picture_stops_the_stage_with_one_line(folder, stage):
    for path in folder.glob("*-0.png"):
        draw(path, seed=9)
    words = [stage, "--manifest", "m", *shlex.split(STAGES[stage])]
    with pytest.raises(SppnetError) as error:
        run(words)
    message = str(error.value)
    assert "-0.png: has changed since its manifest was made" in message and "\n" not in message
    assert not list(folder.glob("out/*"))
