import csv

import numpy as np
import pytest
from PIL import Image

from sppnet.classify.settings import CategoryImages
from sppnet.commands.prepare_caltech101 import run
from sppnet.data.manifest import read_manifest
from sppnet.errors import SppnetError


@pytest.fixture
def arguments(tmp_path):
    for seed in range(6):
        path = tmp_path / f"101_ObjectCategories/{'ab'[seed % 2]}/image_{seed:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 36, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return {
        "root": tmp_path,
        "needed": CategoryImages(train_per_class=3),
        "manifest": tmp_path / "out/caltech101.parquet",
        "problems": tmp_path / "out/problems.csv",
        "workers": 1,
    }


def test_manifest_and_summary(arguments, capsys):
    run(**arguments)
    records = read_manifest(arguments["manifest"], "caltech101", "all")
    assert [record.label for record in records] == ["a", "a", "a", "b", "b", "b"]
    assert "caltech101 all: 6 images, 2 classes: a 3, b 3\n0 problems" in capsys.readouterr().out


def test_a_category_that_breaks_below_the_number_is_named_after_the_list_is_written(arguments):
    broken = arguments["root"] / "101_ObjectCategories/b/image_0003.jpg"
    broken.write_bytes(b"")
    with pytest.raises(SppnetError, match=r"category 'b' has 2 pictures.*problems\.refused\.csv"):
        run(**arguments)
    with arguments["problems"].with_suffix(".refused.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [str(broken)]
    assert not arguments["manifest"].exists()
