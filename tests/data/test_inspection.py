import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sppnet.data.inspection import inspect_image, inspect_images
from sppnet.data.store import file_sha256


def save(path, size=(64, 48), **options):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def test_good_picture_is_measured(tmp_path):
    path = save(tmp_path / "a.jpg")
    found = inspect_image(path)
    assert found.usable and found.problems == []
    assert found.size == (64, 48) and found.sha256 == file_sha256(path)


def test_png_named_jpg_is_used_and_reported(tmp_path):
    found = inspect_image(save(tmp_path / "a.jpg", format="PNG"))
    assert found.usable
    assert [item.problem for item in found.problems] == ["PNG file named .jpg"]


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "1"])
def test_only_lossy_conversions_are_reported(tmp_path, mode):
    Image.new(mode, (32, 32)).save(tmp_path / "a.tif")
    found = inspect_image(tmp_path / "a.tif")
    assert found.usable and len(found.problems) == (mode == "CMYK")


@pytest.mark.parametrize(
    ("size", "usable"), [((16, 16), 1), ((15, 40), 0), ((321, 16), 0), ((320, 16), 1)]
)
def test_shapes_that_later_stages_cannot_take_are_left_out(tmp_path, size, usable):
    found = inspect_image(save(tmp_path / "a.png", size))
    assert found.usable == bool(usable) and len(found.problems) == 1 - usable


def test_reason_names_the_file_once(tmp_path):
    (tmp_path / "a.jpg").touch()
    (problem,) = inspect_image(tmp_path / "a.jpg").problems
    assert problem.path == str(tmp_path / "a.jpg")
    assert problem.problem == "cannot be read (empty file)"
    assert problem.action == "image left out"


def test_name_that_is_not_utf8_is_left_out(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    save(path)
    assert not inspect_image(path).usable


@pytest.mark.parametrize("workers", [1, 2])
def test_order_is_kept_whatever_the_workers(tmp_path, workers):
    paths = [save(tmp_path / f"{i}.png", (20 + i, 20)) for i in range(40)]
    paths.insert(7, tmp_path / "absent.png")
    found = inspect_images(paths, workers=workers, description="read")
    assert [each.path for each in found] == paths
    assert [each.size[0] for each in found if each.usable] == list(range(20, 60))
