import numpy as np
import pytest
import torch

from sppnet.data.manifest import ImageRecord
from sppnet.detect import regions as regions_module
from sppnet.detect.regions import ImageRegions, image_regions, load_regions, sample_regions
from sppnet.errors import SppnetError

CLASSES = ("cat", "dog")
RULES = {"positive_fraction": 0.25, "positive_iou": 0.5, "negative_iou": (0.1, 0.5)}


def record(boxes, names, difficult=None, image="a"):
    return ImageRecord(
        dataset="detection",
        split="trainval",
        image=image,
        path=f"{image}.jpg",
        width=200,
        height=200,
        sha256="",
        label=None,
        class_names=tuple(names),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        difficult=np.array(difficult or [False] * len(names), bool),
    )


def with_overlaps(overlaps, objects=0):
    """Regions of one class whose boxes matter no more: only their overlaps do."""
    values = torch.tensor(overlaps, dtype=torch.float32)[:, None]
    index = torch.full((len(values),), -1)
    index[:objects] = 0
    boxes, difficult = torch.zeros(len(values), 4), torch.zeros(len(values), dtype=torch.bool)
    return ImageRegions("a", 9, 9, "a.jpg", "", boxes, objects, index, values, difficult)


def draw(regions, count, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    rows, labels = sample_regions(regions, count=count, generator=generator, **RULES | changes)
    return rows.tolist(), labels.tolist()


def test_objects_come_first_with_class_and_difficult_flag():
    found = image_regions(
        record([[0, 0, 10, 10], [50, 50, 90, 90]], ["dog", "cat"], [False, True]),
        np.array([[1, 1, 5, 5]]),
        CLASSES,
    )
    assert found.boxes.tolist() == [[0, 0, 10, 10], [50, 50, 90, 90], [1, 1, 5, 5]]
    assert found.ground_truth == 2
    assert found.class_index.tolist() == [1, 0, -1]
    assert found.difficult.tolist() == [False, True, False]


def test_overlaps_are_the_largest_per_class():
    dogs = [[0, 0, 10, 10], [0, 0, 10, 5]]
    found = image_regions(record(dogs, ["dog", "dog"]), np.array([[0, 0, 10, 4]]), CLASSES)
    # 40 of 100 pixels with the first dog, 40 of 50 with the second; no cat
    np.testing.assert_allclose(found.overlaps, [[0, 1], [0, 1], [0, 0.8]])


def test_difficult_objects_count_in_the_overlaps():
    found = image_regions(
        record([[0, 0, 10, 10]], ["cat"], [True]), np.array([[0, 0, 10, 5]]), CLASSES
    )
    assert found.overlaps[1].tolist() == [0.5, 0]


def test_image_without_objects_and_image_without_proposals():
    none = image_regions(record([], []), np.array([[0, 0, 5, 5]]), CLASSES)
    assert none.ground_truth == 0
    assert none.overlaps.tolist() == [[0, 0]]
    alone = image_regions(record([[0, 0, 5, 5]], ["cat"]), np.zeros((0, 4)), CLASSES)
    assert alone.overlaps.tolist() == [[1, 0]]


def test_unknown_class_is_named():
    with pytest.raises(SppnetError, match=r"a\.jpg.*'horse'"):
        image_regions(record([[0, 0, 5, 5]], ["horse"]), np.zeros((0, 4)), CLASSES)


def test_image_without_entry_in_the_proposals_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(regions_module, "read_proposals", lambda path: {"a": np.zeros((0, 4))})
    with pytest.raises(SppnetError, match=r"p\.parquet: no proposals for image 'b'"):
        load_regions([record([], [], image=name) for name in "abc"], tmp_path / "p.parquet", ())


def test_no_proposals_at_all_are_named_but_some_without_are_fine(monkeypatch, tmp_path):
    found = {"a": np.zeros((0, 4)), "b": np.zeros((0, 4))}
    monkeypatch.setattr(regions_module, "read_proposals", lambda path: found)
    records = [record([], [], image=name) for name in "ab"]
    with pytest.raises(SppnetError, match=r"p\.parquet: no proposals in any of 2 images; lower "):
        load_regions(records, tmp_path / "p.parquet", CLASSES)
    found["b"] = np.array([[0, 0, 5, 5]])
    regions = load_regions(records, tmp_path / "p.parquet", CLASSES)
    assert [len(image.boxes) for image in regions] == [0, 1]


def test_interval_ends():
    overlaps = [0.5, 0.49999, 0.1, 0.09999, 1.0]
    rows, labels = draw(with_overlaps(overlaps), 100, positive_fraction=0.5)
    assert dict(zip(rows, labels, strict=True)) == {0: 1, 4: 1, 1: 0, 2: 0}


def test_background_ends_below_its_upper_limit():
    rows, _ = draw(with_overlaps([0.4, 0.39999, 0.45]), 9, negative_iou=(0.1, 0.4))
    assert rows == [1]


def test_interval_ends_on_real_boxes():
    thing = [[0, 0, 100, 10]]
    proposals = np.array([[0, 0, 50, 10], [0, 0, 10, 10], [0, 0, 9, 10], [0, 0, 49, 10]])
    found = image_regions(record(thing, ["dog"]), proposals, CLASSES)
    rows, labels = draw(found, 100)
    assert dict(zip(rows, labels, strict=True)) == {0: 2, 1: 2, 2: 0, 4: 0}


def test_rcnn_takes_boxes_without_any_overlap_as_background():
    rows, labels = draw(with_overlaps([0.0, 0.7]), 8, negative_iou=(0.0, 0.5))
    assert dict(zip(rows, labels, strict=True)) == {0: 0, 1: 1}


def test_object_keeps_its_class_where_another_object_has_the_same_box():
    found = image_regions(
        record([[0, 0, 9, 9], [0, 0, 9, 9]], ["cat", "dog"]), np.zeros((0, 4)), CLASSES
    )
    rows, labels = draw(found, 8)
    assert dict(zip(rows, labels, strict=True)) == {0: 1, 1: 2}


def test_quarter_is_foreground_when_there_is_plenty():
    rows, labels = draw(with_overlaps([0.9] * 50 + [0.3] * 50), 32)
    assert sum(label > 0 for label in labels) == 8
    assert len(set(rows)) == 32
    assert all((row < 50) == (label > 0) for row, label in zip(rows, labels, strict=True))


def test_background_fills_up_when_foreground_is_scarce():
    _, labels = draw(with_overlaps([0.9] * 3 + [0.3] * 50), 32)
    assert labels == [1] * 3 + [0] * 29


def test_foreground_does_not_fill_up_when_background_is_scarce():
    _, labels = draw(with_overlaps([0.9] * 50 + [0.3] * 2), 32)
    assert labels == [1] * 8 + [0] * 2


def test_choice_depends_on_the_generator_alone():
    many = with_overlaps([0.9] * 50 + [0.3] * 50)
    torch.manual_seed(1)
    first = draw(many, 32)
    torch.manual_seed(2)
    assert draw(many, 32) == first
    assert draw(many, 32, seed=1) != first
