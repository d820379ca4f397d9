import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny_network

from sppnet.cli import run
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError
from sppnet.models.weights import save_network

TEN = {"source": "crops", "scales": [72], "window": 64, "positions": 5, "mirrored": True}
MANY = TEN | {"source": "maps", "scales": [64, 72], "positions": 9, "full": 80}


def measure(folder, view_sets, *more):
    """Write the request and run the command."""
    (folder / "v.json").write_text(json.dumps(view_sets))
    words = f"""--manifest {folder}/m.parquet --device cpu --weights {folder}/n.safetensors
        --view-sets {folder}/v.json --images 3 --repeats 2 --output {folder}/t.json"""
    run(["measure-view-speed", *words.split(), *more])


def test_every_view_set_is_timed_on_every_image(tmp_path, in_bfloat16):
    records = []
    for number, label in enumerate("aaaab"):
        pixels = np.random.default_rng(number).integers(0, 256, (80, 100, 3), np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        place = (path.name, str(path), 100, 80, file_sha256(path))
        records.append(ImageRecord("classification", "val", *place, label))
    write_manifest(tmp_path / "m.parquet", records)
    network = tiny_network()
    save_network(tmp_path / "n.safetensors", network)
    measure(tmp_path, {"view_sets": {"ten": TEN, "many": MANY}})
    report = json.loads((tmp_path / "t.json").read_text())
    assert (report["images"], report["repeats"], report["threads"]) == (3, 2, 1)
    assert report["network"] == "n" and report["precision"] == "full" and not in_bfloat16
    assert report["torch"] == torch.__version__ and report["device"]
    assert set(report["columns"]) == {"ten", "many"}
    for column in report["columns"].values():
        each = column["total"]["each"]
        assert len(each) == 3 and 0 < min(each) <= column["total"]["median"] <= max(each) < 60
    measure(tmp_path, {"view_sets": {"ten": TEN}}, "--precision", "bfloat16")
    assert json.loads((tmp_path / "t.json").read_text())["precision"] == "bfloat16"
    assert len(in_bfloat16) == 1


@pytest.mark.parametrize(
    ("view_sets", "key"),
    [
        ([], "input should be an object"),
        ({}, "view_sets: "),
        ({"view_sets": {}}, "view_sets: "),
        ({"view_sets": {"ten": TEN | {"side": 1}}}, "view_sets.ten.side: "),
        ({"view_sets": {"ten": TEN | {"scales": None}}}, "view_sets.ten.scales: "),
        ({"view_sets": {"ten": TEN | {"scales": []}}}, "view_sets.ten.full: "),
    ],
)
def test_what_is_no_view_set_is_named(tmp_path, view_sets, key):
    with pytest.raises(SppnetError, match=rf"v\.json: {key}"):
        measure(tmp_path, view_sets)
