"""Average precisions counted by hand, for detections that every step of `evaluate` changes."""

import json
import shlex

import numpy as np
import pandas as pd
import pytest

from sppnet import cli
from sppnet.config.section import flags
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.detect.detections import write_detections
from sppnet.detect.features import LAYERS
from sppnet.errors import SppnetError

BOX, MOVED = ["x1", "y1", "x2", "y2"], ["rx1", "ry1", "rx2", "ry2"]
HERE, NEARLY, AWAY = (0, 0, 10, 10), (0, 0, 10, 9), (50, 50, 60, 60)
# Objects: a cat in each image, a dog in the place of the first cat, and a fox that does not count.
OBJECTS = {"1": {"cat": False, "dog": False}, "2": {"cat": False, "fox": True}}


def record(image, objects, split="test"):
    return ImageRecord(
        dataset="detection",
        split=split,
        image=image,
        path="",
        width=80,
        height=80,
        sha256="0" * 64,
        label=None,
        class_names=tuple(objects),
        boxes=np.array([HERE] * len(objects), np.float32),
        difficult=np.array(list(objects.values())),
    )


def detection(layer, class_name, image, score, box, moved=(np.nan,) * 4):
    row = {"layer": layer, "class_name": class_name, "image": image, "score": score}
    coordinates = zip([*BOX, *MOVED], [*box, *moved], strict=True)
    return row | {name: float(value) for name, value in coordinates}


FOUND = [
    # one cat of two
    detection("pool5", "cat", "1", 0.9, HERE),
    # both cats
    detection("fc6", "cat", "1", 0.9, HERE),
    detection("fc6", "cat", "2", 0.8, HERE),
    # one cat after a miss, and the dog
    detection("ftfc6", "cat", "2", 0.9, AWAY),
    detection("ftfc6", "cat", "1", 0.8, HERE),
    detection("ftfc6", "dog", "1", 0.1, HERE),
    # both cats after a miss that regression moves onto the first one, which it then has twice
    detection("ftfc7", "cat", "1", 0.9, AWAY, moved=HERE),
    detection("ftfc7", "cat", "1", 0.8, HERE, moved=NEARLY),
    detection("ftfc7", "cat", "2", 0.7, HERE, moved=HERE),
    # the dog in the place of the first cat, with a lower score
    detection("ftfc7", "dog", "1", 0.5, HERE, moved=HERE),
]


def run(arguments, **more):
    cli.run(["evaluate", *shlex.split(flags(arguments | more))])


@pytest.fixture
def arguments(tmp_path):
    records = [record(image, objects) for image, objects in OBJECTS.items()]
    write_manifest(tmp_path / "manifest.parquet", records)
    write_detections(tmp_path / "detections.parquet", pd.DataFrame(FOUND), list(OBJECTS), LAYERS)
    return {
        "manifest": tmp_path / "manifest.parquet",
        "detections": tmp_path / "detections.parquet",
        "iou": 0.5,
        "nms": 0.3,
        "bootstrap": 5,
        "seed": 1,
        "output": tmp_path / "evaluation.json",
    }


def test_average_precisions_by_hand(arguments):
    run(arguments)
    found = json.loads(arguments["output"].read_text())
    half = 6 / 11  # recall 1/2 reaches six of the eleven levels
    by_hand = {
        "pool5": (half, 0),
        "fc6": (1, 0),
        "ftfc6": (half / 2, 1),
        "ftfc7": (2 / 3, 1),  # miss, hit, hit: precision 2/3 at every recall
        "ftfc7 bb": (1, 1),  # moved, and the second box on the first cat suppressed
    }
    assert found["rows"].keys() == by_hand.keys()
    for row, (cat, dog) in by_hand.items():
        measured = found["rows"][row]
        assert measured["ap"] == {"cat": pytest.approx(cat), "dog": pytest.approx(dog), "fox": None}
        assert measured["map"] == pytest.approx((cat + dog) / 2)
    assert (found["images"], found["classes"], found["skipped"]) == (2, 2, ["fox"])


def test_the_overlaps_of_hits_and_of_suppression_are_those_given(arguments):
    """Boxes that are six tenths of a cat; and on one cat two that overlap by nine tenths."""
    table = pd.DataFrame(FOUND)
    part = table.assign(y2=table["y2"].replace(10.0, 6.0))
    write_detections(arguments["detections"], part, list(OBJECTS), LAYERS)
    for iou, expected in ((0.5, 1), (0.7, 0)):
        run(arguments | {"iou": iou, "nms": 0.95})
        rows = json.loads(arguments["output"].read_text())["rows"]
        assert rows["fc6"]["ap"]["cat"] == pytest.approx(expected)
    # hit, miss, hit: precision 1 at recalls up to 1/2, then 2/3
    assert rows["ftfc7 bb"]["ap"]["cat"] == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_intervals_and_samples_are_around_the_mean_and_by_the_seed(arguments):
    found = []
    for seed in (1, 1, 2):
        run(arguments | {"bootstrap": 60, "seed": seed})
        found.append(json.loads(arguments["output"].read_text())["rows"])
    assert found[0] == found[1] != found[2]
    for row in found[0].values():
        low, high = np.percentile(row["replicates"], [2.5, 97.5])
        ends = np.clip([2 * row["map"] - high, 2 * row["map"] - low], 0, 1)
        assert (row["low"], row["high"]) == pytest.approx(tuple(ends), abs=1e-5)


def test_other_images_do_not_count(arguments):
    run(arguments, images=1)
    found = json.loads(arguments["output"].read_text())
    assert found["image_names"] == ["1"]
    cats = {row: measured["ap"]["cat"] for row, measured in found["rows"].items()}
    expected = {"pool5": 1, "fc6": 1, "ftfc6": 1, "ftfc7": 1 / 2, "ftfc7 bb": 1}
    assert cats == {row: pytest.approx(ap) for row, ap in expected.items()}


def test_boxes_that_were_not_moved_are_refused(arguments):
    unmoved = pd.DataFrame(FOUND).assign(rx1=np.nan)
    write_detections(arguments["detections"], unmoved, list(OBJECTS), LAYERS)
    with pytest.raises(SppnetError, match="ftfc7 lacks regressed boxes"):
        run(arguments)


@pytest.mark.parametrize("silent", [["fc6"], ["ftfc7"], LAYERS])
def test_a_layer_that_was_scored_and_found_nothing_has_precision_0(arguments, silent):
    run(arguments)
    expected = json.loads(arguments["output"].read_text())
    table = pd.DataFrame(FOUND)
    left = table[~table["layer"].isin(silent)]
    write_detections(arguments["detections"], left, list(OBJECTS), LAYERS)
    run(arguments)
    nothing = {"map": 0, "low": 0, "high": 0, "ap": {"cat": 0, "dog": 0, "fox": None}}
    for row in (*silent, *(["ftfc7 bb"] if "ftfc7" in silent else [])):
        expected["rows"][row] = nothing | {"replicates": [0] * 5}
    assert json.loads(arguments["output"].read_text()) == expected


def test_a_class_of_which_nothing_was_found_has_precision_0(arguments):
    table = pd.DataFrame(FOUND)
    left = table[table["class_name"] != "dog"]
    write_detections(arguments["detections"], left, list(OBJECTS), LAYERS)
    run(arguments)
    for row in json.loads(arguments["output"].read_text())["rows"].values():
        assert row["ap"]["dog"] == 0 and row["map"] == pytest.approx(row["ap"]["cat"] / 2)


def test_a_layer_that_was_not_scored_is_missed(arguments):
    table = pd.DataFrame(FOUND)
    left = table[table["layer"] != "fc6"]
    write_detections(arguments["detections"], left, list(OBJECTS), ["pool5", "ftfc6", "ftfc7"])
    with pytest.raises(SppnetError, match=r"layers pool5, ftfc6, ftfc7 were scored; run detect"):
        run(arguments)


@pytest.mark.parametrize("layers", [LAYERS, [*LAYERS, "conv9"]])
def test_unknown_layers_are_refused(arguments, layers):
    table = pd.DataFrame([*FOUND, detection("conv9", "cat", "1", 0.9, HERE)])
    write_detections(arguments["detections"], table, list(OBJECTS), layers)
    with pytest.raises(SppnetError, match=r"detections\.parquet: .*conv9"):
        run(arguments)


def test_a_sample_of_images_without_objects_is_null(arguments):
    """One of two images has an object that counts: a quarter of the samples lacks it."""
    records = [record("1", {"cat": False}), record("2", {"cat": True, "fox": True})]
    write_manifest(arguments["manifest"], records)
    run(arguments | {"bootstrap": 40})
    text = arguments["output"].read_text()
    assert "NaN" not in text
    row = json.loads(text)["rows"]["ftfc7 bb"]
    assert row["ap"] == {"cat": pytest.approx(1), "fox": None}
    assert (row["map"], row["low"], row["high"]) == (pytest.approx(1), 1, 1)
    assert set(row["replicates"]) == {1, None}


def test_images_with_difficult_objects_only_cannot_be_evaluated(arguments):
    write_manifest(arguments["manifest"], [record(image, {"cat": True}) for image in OBJECTS])
    with pytest.raises(SppnetError, match="2 test images have no object that is not difficult"):
        run(arguments)
    assert not arguments["output"].exists()


def test_images_that_were_not_searched_are_no_misses(arguments):
    table = pd.DataFrame(FOUND)
    of_one = table[table["image"] == "1"]
    write_detections(arguments["detections"], of_one, ["1"], LAYERS)
    with pytest.raises(SppnetError, match="1 test images were not searched, 2 for one"):
        run(arguments)
    run(arguments, images=1)


def test_another_file_is_no_file_of_detections(arguments):
    for write in (
        lambda path: pd.DataFrame(FOUND).to_parquet(path),
        lambda path: write_detections(
            path, pd.DataFrame({"layer": ["fc6"]}), list(OBJECTS), LAYERS
        ),
        lambda path: path.unlink(),
    ):
        write(arguments["detections"])
        with pytest.raises(SppnetError, match="not a file of detections"):
            run(arguments)


def test_a_class_without_test_objects_is_not_counted_but_named(arguments):
    """The elk is trained and found, but no test image has one."""
    run(arguments)
    expected = json.loads(arguments["output"].read_text())
    records = [record(image, objects) for image, objects in OBJECTS.items()]
    trained = record("3", {"cat": False, "elk": False}, split="trainval")
    write_manifest(arguments["manifest"], [trained, *records])
    rows = [*FOUND, *(detection(layer, "elk", "1", 9, HERE, moved=HERE) for layer in LAYERS)]
    write_detections(arguments["detections"], pd.DataFrame(rows), list(OBJECTS), LAYERS)
    run(arguments)
    for row in expected["rows"].values():
        row["ap"]["elk"] = None
    assert json.loads(arguments["output"].read_text()) == expected | {"skipped": ["elk", "fox"]}
