import cv2
import numpy as np
import pytest
import torch

from sppnet.cli import run
from sppnet.commands import draw_responses
from sppnet.config.section import flags
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError
from sppnet.models.network import Architecture, build_network
from sppnet.models.weights import save_network

NAMES = ("dark", "middle", "bright", "training")


def record(folder, name, value):
    """A grey image with a square in the lower right, the brighter the stronger the response."""
    pixels = np.full((120, 160, 3), 128, np.uint8)
    pixels[70:100, 110:150] = value
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), pixels)
    split = "train" if name == "training" else "val"
    place = (f"a/{name}", str(path), 160, 120, file_sha256(path))
    return ImageRecord("classification", split, *place, "a")


@pytest.fixture
def arguments(tmp_path):
    values = (150, 190, 230, 255)
    records = [record(tmp_path, *each) for each in zip(NAMES, values, strict=True)]
    write_manifest(tmp_path / "manifest.parquet", records)
    architecture = Architecture(
        backbone="alex5",
        width=0.05,
        levels=(1,),
        fc=8,
        classes=("a",),
        mean=(128.0,) * 3,
        std=58.0,
        channel_order="RGB",
    )
    generator = torch.Generator().manual_seed(3)
    network = build_network(architecture, initialisation="he", generator=generator)
    save_network(tmp_path / "network.safetensors", network)
    return {
        "manifest": tmp_path / "manifest.parquet",
        "dataset": "classification",
        "split": "val",
        "weights": tmp_path / "network.safetensors",
        "filters": 2,
        "images": 2,
        "size": 200,
        "output": tmp_path / "out/responses.png",
        "device": "cpu",
    }


def test_images_of_the_split_by_falling_response(arguments, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        draw_responses,
        "draw_responses",
        lambda path, rows, **settings: drawn.update(settings, rows=rows),
    )
    run(["draw-responses", *flags(arguments).split()])
    assert drawn["field"] == 163 and drawn["geometry"].stride == 16
    assert "alex5 among 3 images" in drawn["caption"]
    assert len(drawn["rows"]) == 2
    for row in drawn["rows"]:
        # without biases, a network's answer grows with the contrast
        assert [response.name for response in row.responses] == ["bright", "middle"]
        assert row.responses[0].peak > row.responses[1].peak > 0
        assert row.responses[0].image.shape == (200, 267, 3)


def test_the_page_is_written(arguments, in_bfloat16):
    run(["draw-responses", *flags(arguments | {"precision": "bfloat16"}).split()])
    assert cv2.imread(str(arguments["output"])) is not None and len(in_bfloat16) == 1


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"images": 4}, "split has only 3"),
        ({"filters": 99}, "filters respond"),
        ({"size": 9}, "9 x 9 pixels"),
        ({"split": "test"}, "no image"),
    ],
)
def test_impossible_requests(arguments, change, part):
    with pytest.raises(SppnetError, match=part):
        run(["draw-responses", *flags(arguments | change).split()])
    assert not arguments["output"].exists()
