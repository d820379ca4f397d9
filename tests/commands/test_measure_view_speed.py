import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from sppnet.cli import build
from sppnet.commands.measure_view_speed import read_view_set
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError
from sppnet.models.network import Architecture, build_network
from sppnet.models.weights import save_network

CROPS = {
    **{"name": "ten", "source": "crops", "scales": [72], "window": 64, "positions": 5},
    **{"mirrored": True, "full": None},
}
MANY = CROPS | {"name": "many", "source": "maps", "scales": [64, 72], "positions": 9, "full": 80}


def test_every_choice_of_views_is_timed_on_every_image(tmp_path):
    records = []
    for number, label in enumerate("aaaab"):
        pixels = np.random.default_rng(number).integers(0, 256, (80, 100, 3), np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        place = (path.name, str(path), 100, 80, file_sha256(path))
        records.append(ImageRecord("classification", "val", *place, label))
    write_manifest(tmp_path / "m.parquet", records)
    architecture = Architecture(
        backbone="zf5",
        width=0.05,
        levels=(2, 1),
        fc=8,
        classes=("a", "b"),
        mean=(128.0,) * 3,
        std=58.0,
        channel_order="RGB",
    )
    network = build_network(
        architecture, initialisation="he", generator=torch.Generator().manual_seed(0)
    )
    save_network(tmp_path / "n.safetensors", network)
    words = f"""measure-view-speed --manifest {tmp_path}/m.parquet --device cpu
        --weights {tmp_path}/n.safetensors --images 3 --repeats 2 --output {tmp_path}/t.json"""
    given = [word for each in (CROPS, MANY) for word in ("--view-set", json.dumps(each))]
    result = CliRunner().invoke(build(["measure-view-speed", "show"]), [*words.split(), *given])
    if result.exception:
        raise result.exception
    report = json.loads((tmp_path / "t.json").read_text())
    assert (report["images"], report["repeats"], report["threads"]) == (3, 2, 1)
    assert report["network"] == "n"
    assert report["torch"] == torch.__version__ and report["device"]
    assert set(report["columns"]) == {"ten", "many"}
    for column in report["columns"].values():
        each = column["total"]["each"]
        assert len(each) == 3 and 0 < min(each) <= column["total"]["median"] <= max(each) < 60


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", json.dumps(CROPS | {"side": 1}), json.dumps({**CROPS, "scales": None})],
)
def test_what_is_no_choice_of_views_is_named(text):
    with pytest.raises(SppnetError, match="--view-set"):
        read_view_set(text)
