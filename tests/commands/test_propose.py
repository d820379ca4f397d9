"""propose, with boxes that overlap the objects by known amounts."""

import json
import shlex

import numpy as np
import pytest

from sppnet import cli
from sppnet.commands import propose
from sppnet.config.section import flags
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.detect.proposals import read_proposals
from sppnet.errors import SppnetError

# Upper parts of a 10 x 10 object, which overlap it by 0.8, 0.6 and 0.4.
EIGHT, SIX, FOUR = ((0, 0, 10, height) for height in (8, 6, 4))
PROPOSED = {"1": [FOUR, EIGHT], "2": [SIX], "3": [FOUR, SIX], "4": [FOUR]}


def run(arguments, **more):
    cli.run(["propose", *shlex.split(flags(arguments | more))])


@pytest.fixture
def arguments(tmp_path, monkeypatch):
    """Four test images with an object each, one with a difficult one besides; one other image."""
    records = []
    for image in (*PROPOSED, "trained"):
        count = 2 if image == "1" else 1
        boxes = np.array([[0, 0, 10, 10], [30, 30, 40, 40]][:count], np.float32)
        split = "trainval" if image == "trained" else "test"
        names, difficult = ("dog",) * count, np.array([False, True][:count])
        records.append(
            ImageRecord("detection", split, image, "", 50, 50, "", None, names, boxes, difficult)
        )
    write_manifest(tmp_path / "manifest.parquet", records)

    def found(records, search, **settings):
        boxes = {
            each.image: np.array(PROPOSED[each.image], np.float32).reshape(-1, 4)
            for each in records
        }
        return boxes, 0.25

    monkeypatch.setattr(propose, "propose", found)
    return {
        "manifest": tmp_path / "manifest.parquet",
        "split": "test",
        "base_k": [50],
        "sigma": 0.8,
        "longest_side": 500,
        "minimum_side": 2,
        "maximum": 0,
        "work": tmp_path / "work",
        "output": tmp_path / "test.parquet",
        "recall": tmp_path / "recall.json",
    }


def test_recall_at_each_overlap_is_that_of_what_is_written(arguments):
    run(arguments)
    assert json.loads(arguments["recall"].read_text()) == {
        "images": 4,
        "objects": 4,
        "boxes_per_image": 1.5,
        "recall_0.5": 0.75,
        "recall_0.7": 0.25,
        "seconds_per_image": 0.25,
    }


def test_boxes_beyond_the_most_are_neither_kept_nor_counted(arguments):
    run(arguments, maximum=1)
    report = json.loads(arguments["recall"].read_text())
    assert (report["recall_0.5"], report["recall_0.7"]) == (0.25, 0)
    assert report["boxes_per_image"] == 1
    kept = read_proposals(arguments["output"])
    assert {image: len(boxes) for image, boxes in kept.items()} == dict.fromkeys(PROPOSED, 1)


def test_pictures_are_searched_at_the_longest_side(arguments, monkeypatch):
    searched = []

    def search_one(records, search, **settings):
        boxes = search(np.zeros((400, 1000, 3), np.uint8))
        return dict.fromkeys((record.image for record in records), boxes), 0.25

    def selective_search(image, **settings):
        searched.append((image.shape, settings))
        return np.array([[0, 0, 20, 20]], np.float32)

    monkeypatch.setattr(propose, "propose", search_one)
    monkeypatch.setattr(propose, "selective_search", selective_search)
    run(arguments)
    settings = {"base_k": (50,), "sigma": 0.8, "minimum_side": 2}
    assert searched == [((200, 500, 3), settings)]
    assert read_proposals(arguments["output"])["1"].tolist() == [[0, 0, 40, 40]]


def test_no_proposals_at_all_are_refused_with_the_setting(arguments, monkeypatch):
    monkeypatch.setitem(PROPOSED, "1", [])
    run(arguments)  # an image without any is nothing special
    for image in PROPOSED:
        monkeypatch.setitem(PROPOSED, image, np.zeros((0, 4)))
    with pytest.raises(SppnetError, match=r"4 images of test; lower proposals\.minimum_side"):
        run(arguments | {"output": arguments["output"].with_name("none.parquet")})
    assert not arguments["output"].with_name("none.parquet").exists()
