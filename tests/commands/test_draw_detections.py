import shlex

import cv2
import numpy as np
import pandas as pd
import pytest

from sppnet import cli
from sppnet.commands import draw_detections
from sppnet.config.section import flags
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256
from sppnet.detect.detections import write_detections
from sppnet.detect.features import LAYERS
from sppnet.errors import SppnetError


def record(folder, name, split="test", class_name="dog"):
    path = folder / f"{name}.jpg"
    cv2.imwrite(str(path), np.full((60, 80, 3), 100, np.uint8))
    return ImageRecord(
        dataset="detection",
        split=split,
        image=name,
        path=str(path),
        width=80,
        height=60,
        sha256=file_sha256(path),
        label=None,
        class_names=(class_name,),
        boxes=np.array([[10, 10, 50, 50]], np.float32),
        difficult=np.array([False]),
    )


def detection(image, score, box, layer="ftfc7", class_name="dog"):
    row = {"layer": layer, "class_name": class_name, "image": image, "score": score}
    row |= dict(zip(["x1", "y1", "x2", "y2"], [0.0, 0.0, 5.0, 5.0], strict=True))
    return row | dict(zip(["rx1", "ry1", "rx2", "ry2"], map(float, box), strict=True))


def draw(arguments, **more):
    cli.run(["draw-detections", *shlex.split(flags(arguments | more))])


@pytest.fixture
def arguments(tmp_path):
    names = [f"{i:06d}" for i in range(6)]
    records = [record(tmp_path, name) for name in names[:-1]]
    records.append(record(tmp_path, names[-1], class_name="cat"))
    records.append(record(tmp_path, "999999", split="trainval"))
    write_manifest(tmp_path / "manifest.parquet", records)
    rows = [detection(name, 0.2, [10, 10, 50, 50]) for name in names]
    rows += [
        detection("000000", 0.9, [12, 10, 52, 50]),  # suppresses the one above
        detection("000000", 0.9, [12, 10, 52, 50], layer="pool5"),
        detection("000000", 0.0, [60, 40, 70, 50]),  # does not score more than 0
        detection("000000", 0.1, [60, 40, 70, 50]),
    ]
    write_detections(tmp_path / "detections.parquet", pd.DataFrame(rows), names, LAYERS)
    return {
        "manifest": tmp_path / "manifest.parquet",
        "detections": tmp_path / "detections.parquet",
        "images": 3,
        "minimum_score": 0.0,
        "nms": 0.3,
        "output": tmp_path / "page.png",
    }


def test_images_of_all_classes_in_turn_with_what_survives_suppression(arguments, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        draw_detections,
        "draw_page",
        lambda path, photographs, classes: drawn.update({p.name: p for p in photographs}),
    )
    draw(arguments)
    assert list(drawn) == ["000000", "000001", "000005"]  # two dogs, and the only cat
    boxes = drawn["000000"].boxes
    assert [box.score for box in boxes] == [None, pytest.approx(0.1), pytest.approx(0.9)]
    assert boxes[0].box == (10, 10, 50, 50) and boxes[-1].box == (12, 10, 52, 50)
    assert drawn["000000"].image.shape == (60, 80, 3)


def test_the_page_is_written(arguments):
    draw(arguments)
    assert cv2.imread(str(arguments["output"])) is not None


def test_images_in_which_nothing_was_found_are_drawn_too(arguments):
    nothing = pd.DataFrame([detection("000000", 0.9, [1, 1, 9, 9])])[:0]
    write_detections(arguments["detections"], nothing, ["000000", "000001"], LAYERS)
    draw(arguments)
    assert cv2.imread(str(arguments["output"])) is not None


def test_a_layer_that_was_not_scored_is_missed(arguments):
    rows = pd.DataFrame([detection("000000", 0.9, [1, 1, 9, 9], layer="fc6")])
    write_detections(arguments["detections"], rows, ["000000"], ["fc6"])
    with pytest.raises(SppnetError, match="layer ftfc7 was not scored"):
        draw(arguments)


def test_detections_of_other_images_are_refused(arguments):
    rows = [detection("123456", 0.9, [1, 1, 9, 9])]
    write_detections(arguments["detections"], pd.DataFrame(rows), ["123456"], LAYERS)
    with pytest.raises(SppnetError, match="no test image was searched"):
        draw(arguments)


@pytest.mark.parametrize(("trained", "tested"), [("fox", "dog"), ("dog", "fox")])
def test_a_class_without_test_objects_or_without_training_objects_is_drawn(
    arguments, monkeypatch, trained, tested
):
    folder = arguments["manifest"].parent
    records = [
        record(folder, "1", class_name=tested),
        record(folder, "2", "trainval", class_name=trained),
    ]
    write_manifest(arguments["manifest"], records)
    rows = [detection("1", 0.9, [1, 1, 9, 9], class_name=trained)]
    write_detections(arguments["detections"], pd.DataFrame(rows), ["1"], LAYERS)
    drawn = {}
    draw_page = draw_detections.draw_page

    def noted(path, photographs, classes):
        drawn["boxes"] = [(box.class_name, box.score) for box in photographs[0].boxes]
        draw_page(path, photographs, classes)

    monkeypatch.setattr(draw_detections, "draw_page", noted)
    draw(arguments)
    assert drawn["boxes"] == [(tested, None), (trained, pytest.approx(0.9))]
    assert cv2.imread(str(arguments["output"])) is not None
