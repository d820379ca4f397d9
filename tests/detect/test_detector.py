from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sppnet.detect.bbox_regression import Regressors
from sppnet.detect.detector import (
    COLUMNS,
    Detector,
    detect_image,
    select_detections,
)
from sppnet.detect.regions import image_regions
from sppnet.detect.settings import Detection
from sppnet.detect.svm import LinearSvms

SETTINGS = Detection(minimum_score=-1.5, nms=0.3, top=100)


def strips(*pairs):
    """Boxes one pixel high, from start to stop."""
    return torch.tensor([[start, 0, stop, 1] for start, stop in pairs], dtype=torch.float32)


def select(boxes, scores, **changes):
    detection = SETTINGS.model_copy(update=changes)
    rows, numbers = select_detections(boxes, torch.tensor(scores), detection)
    return list(zip(rows.tolist(), numbers.tolist(), strict=True))


def test_scores_must_be_above_the_minimum():
    boxes = strips((0, 10), (20, 30), (40, 50))
    assert select(boxes, [[-1.5], [-1.25], [-1.75]]) == [(1, 0)]


def test_overlap_of_the_limit_stays_and_above_it_goes():
    # 5 of 10 pixels shared with the first box; 6 of 10
    boxes = strips((0, 10), (0, 5), (20, 30), (20, 26))
    found = select(boxes, [[4.0], [3.0], [2.0], [1.0]], nms=0.5)
    assert found == [(0, 0), (1, 0), (2, 0)]


def test_suppressed_boxes_suppress_nothing():
    boxes = strips((0, 10), (4, 14), (8, 18))
    assert select(boxes, [[3.0], [2.0], [1.0]]) == [(0, 0), (2, 0)]


def test_classes_do_not_suppress_each_other():
    boxes = strips((0, 10), (0, 10))
    found = select(boxes, [[3.0, 1.0], [2.0, 4.0]])
    assert found == [(0, 0), (1, 1)]


def test_the_best_boxes_come_first_and_only_so_many():
    starts = [20 * number for number in range(150)]
    boxes = strips(*[(start, start + 10) for start in starts])
    scores = np.random.default_rng(0).permutation(150).astype(np.float32)[:, None]
    found = [row for row, _ in select(boxes, scores)]
    assert found == np.argsort(-scores[:, 0]).tolist()[:100]
    assert len(select(boxes, np.repeat(scores, 2, axis=1))) == 200


def test_the_limit_counts_boxes_that_survive_suppression():
    boxes = strips((0, 10), (0, 9), (20, 30))
    assert select(boxes, [[3.0], [2.0], [1.0]], top=2) == [(0, 0), (2, 0)]


# --- one image ----------------------------------------------------------------------------------


class Features:
    """Layer features that are scores of two classes; counts the rows pooled for regression."""

    def __init__(self, scores):
        self.scores, self.pooled = torch.tensor(scores), []

    def layers(self, regions, rows, names):
        assert names == ["pool5", "ftfc7"]
        return {"pool5": self.scores[rows] - 1, "ftfc7": self.scores[rows]}

    def regression_features(self, regions, rows):
        self.pooled.append(rows.tolist())
        return torch.ones(len(rows), 1)


def detector(features):
    svms = LinearSvms(torch.eye(2), torch.zeros(2), 1.0)
    # class b moves right by half its width
    bias = torch.tensor([[0.0, 0, 0, 0], [0.5, 0, 0, 0]])
    regressors = Regressors(torch.zeros(2, 4, 1), bias, 1.0)
    return Detector(features, {"pool5": svms, "ftfc7": svms}, regressors, ("a", "b"))


def image(objects, proposals):
    record = SimpleNamespace(
        image="07",
        width=100,
        height=50,
        path="",
        sha256="",
        boxes=np.array(objects, np.float32).reshape(-1, 4),
        class_names=("a",) * len(objects),
        difficult=np.zeros(len(objects), bool),
    )
    return image_regions(record, np.array(proposals, np.float32).reshape(-1, 4), ("a", "b"))


def test_detections_of_an_image():
    regions = image([[0, 0, 9, 9]], [[10, 0, 30, 10], [50, 0, 70, 10], [80, 20, 100, 30]])
    features = Features([[9.0, 9.0], [1.0, -2.0], [-9.0, 2.0], [-9.0, 3.0]])
    found = detect_image(regions, detector(features), SETTINGS)
    assert list(found.columns) == COLUMNS
    assert set(found["image"]) == {"07"}
    keys = list(zip(found["layer"], found["class_name"], found["score"], found["x1"], strict=True))
    assert keys == [
        ("pool5", "a", 0.0, 10.0),
        ("pool5", "b", 2.0, 80.0),
        ("pool5", "b", 1.0, 50.0),
        ("ftfc7", "a", 1.0, 10.0),
        ("ftfc7", "b", 3.0, 80.0),
        ("ftfc7", "b", 2.0, 50.0),
    ]
    assert all(found[name].dtype == np.float32 for name in COLUMNS[3:])


def test_only_boxes_of_ftfc7_are_moved():
    regions = image([], [[10, 0, 30, 10], [80, 20, 100, 30]])
    found = detect_image(regions, detector(Features([[1.0, 1.0], [-9.0, 3.0]])), SETTINGS)
    moved = found[["rx1", "ry1", "rx2", "ry2"]].to_numpy()
    assert np.isnan(moved[(found["layer"] == "pool5").to_numpy()]).all()
    # class a stays; class b moves 10 px to the right, as far as the image goes
    wanted = [[10, 0, 30, 10], [90, 20, 100, 30], [20, 0, 40, 10]]
    np.testing.assert_allclose(moved[(found["layer"] == "ftfc7").to_numpy()], wanted)


def test_surviving_boxes_are_pooled_once():
    regions = image([], [[0, 0, 20, 10], [0, 0, 20, 10.5], [50, 0, 70, 10]])
    features = Features([[3.0, 3.0], [2.0, 2.0], [-9.0, 1.0]])
    detect_image(regions, detector(features), SETTINGS)
    assert features.pooled == [[0, 2]]


@pytest.mark.parametrize("proposals", [[], [[0, 0, 20, 10]]])
def test_nothing_found_is_an_empty_frame(proposals):
    regions = image([[0, 0, 9, 9]], proposals)
    found = detect_image(regions, detector(Features([[9.0, 9.0], [-9.0, -9.0]])), SETTINGS)
    assert not len(found) and list(found.columns) == COLUMNS
