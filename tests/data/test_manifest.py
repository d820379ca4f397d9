import csv
import dataclasses

import numpy as np
import pandas as pd
import pytest

from sppnet.data.manifest import (
    ImageRecord,
    Problem,
    class_list,
    ground_truth_frame,
    read_manifest,
    write_manifest,
    write_problems,
)
from sppnet.errors import SppnetError


def record(image="000001", dataset="detection", split="test", **fields):
    return ImageRecord(dataset, split, image, f"{image}.jpg", 50, 40, "ab" * 32, **fields)


def two_objects(**fields):
    boxes = np.array([[0, 1, 20.5, 30], [4, 5, 6, 7]], np.float32)
    difficult = np.array([False, True])
    return record(class_names=("dog", "cat"), boxes=boxes, difficult=difficult, **fields)


def test_records_come_back_as_written(tmp_path):
    written = [two_objects(), record("b"), record("c", "classification", "val", label="tench")]
    write_manifest(tmp_path / "m.parquet", written)
    read = read_manifest(tmp_path / "m.parquet")
    for before, after in zip(written, read, strict=True):
        for field in dataclasses.fields(ImageRecord):
            old, new = getattr(before, field.name), getattr(after, field.name)
            np.testing.assert_array_equal(old, new)
            assert getattr(old, "dtype", type(old)) == getattr(new, "dtype", type(new))
    assert read[1].boxes.shape == (0, 4)


def test_same_records_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_manifest(tmp_path / name, [two_objects(), record("b")])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_dataset_and_split_choose(tmp_path):
    path = tmp_path / "m.parquet"
    write_manifest(
        path, [record("a"), record("b", split="trainval"), record("c", "classification")]
    )
    assert [r.image for r in read_manifest(path, dataset="detection", split="test")] == ["a"]
    assert [r.image for r in read_manifest(path, split="test")] == ["a", "c"]
    with pytest.raises(SppnetError, match="val"):
        read_manifest(path, dataset="detection", split="val")


def write_foreign(path, kind):
    if kind == "text":
        path.write_text("no table")
    elif kind == "columns":
        pd.DataFrame({"image": ["a"]}).to_parquet(path)


@pytest.mark.parametrize("kind", ["missing", "text", "columns"])
def test_file_that_is_no_manifest_is_named(tmp_path, kind):
    write_foreign(tmp_path / "m.parquet", kind)
    with pytest.raises(SppnetError, match=r"m\.parquet"):
        read_manifest(tmp_path / "m.parquet")


def test_classes_are_labels_and_objects_sorted():
    assert class_list([two_objects(), record(label="bee"), record()]) == ("bee", "cat", "dog")


def test_ground_truth_has_one_row_per_object():
    frame = ground_truth_frame([record("none"), two_objects()])
    assert frame.columns.tolist() == ["image", "class_name", "x1", "y1", "x2", "y2", "difficult"]
    assert frame.iloc[0].tolist() == ["000001", "dog", 0, 1, 20.5, 30, False]
    assert frame.iloc[1].tolist() == ["000001", "cat", 4, 5, 6, 7, True]
    assert len(frame) == 2 and frame.difficult.dtype == bool


def test_problems_are_a_table_whatever_the_names(tmp_path):
    problems = [Problem('a,"b".jpg', "two\nlines", "kept"), Problem("\udcff.jpg", "x", "y")]
    write_problems(tmp_path / "p.csv", problems)
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "problem", "action"]
    assert rows[1] == ['a,"b".jpg', "two\nlines", "kept"] and rows[2][0] == r"\udcff.jpg"
