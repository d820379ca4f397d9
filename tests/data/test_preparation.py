"""The files that every preparation ends with, and what it prints."""

import csv

import numpy as np
import pytest

from sppnet.data.manifest import ImageRecord, Problem, read_manifest
from sppnet.data.preparation import PROBLEMS_SHOWN, problem_counts, write_prepared
from sppnet.errors import SppnetError

OBJECTS = {
    "class_names": ("dog", "cat", "dog"),
    "boxes": np.zeros((3, 4), np.float32),
    "difficult": np.array([True, False, False]),
}


def record(split, image, dataset="classification", **more):
    return ImageRecord(dataset, split, image, f"{image}.jpg", 50, 40, "", **more)


LABELLED = [record("train", name, label=name) for name in "ab"]
LABELLED.append(record("val", "2", label="a"))


def write(folder, records, found=(), splits=("train", "val")):
    files = {"manifest": folder / "m.parquet", "problems": folder / "problems.csv"}
    write_prepared(records, found, splits, **files)


def rows(folder, name="problems.csv"):
    with (folder / name).open(newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def test_records_and_problems_are_written_as_they_are(tmp_path):
    found = [Problem("a.jpg", "odd", "kept"), Problem("b,c.jpg", 'a "word"', "left out")]
    write(tmp_path, LABELLED, found)
    assert [each.image for each in read_manifest(tmp_path / "m.parquet")] == ["a", "b", "2"]
    assert rows(tmp_path) == [(each.path, each.problem, each.action) for each in found]


def test_labels_are_counted_by_split(tmp_path, capsys):
    more = [record("train", str(n), label=label) for n, label in enumerate("baab", start=3)]
    write(tmp_path, LABELLED + more)
    assert capsys.readouterr().out.splitlines()[:2] == [
        "classification train: 6 images, 2 classes: a 3, b 3",
        "classification val: 1 images, 1 classes: a 1",
    ]


def test_objects_are_counted_by_split(tmp_path, capsys):
    splits = ("trainval", "test")
    records = [record(split, split, "detection", **OBJECTS) for split in splits]
    records.append(record("test", "nothing on it", "detection"))
    write(tmp_path, records, splits=splits)
    assert capsys.readouterr().out.splitlines() == [
        "detection trainval: 1 images, 3 objects (1 difficult), 2 classes: cat 1, dog 2",
        "detection test: 2 images, 3 objects (1 difficult), 2 classes: cat 1, dog 2",
        f"0 problems, listed in {tmp_path}/problems.csv",
    ]


@pytest.mark.parametrize("more", [0, 1, 7])
def test_the_first_problems_are_shown_and_the_others_counted(tmp_path, capsys, more):
    count = PROBLEMS_SHOWN + more
    write(tmp_path, LABELLED, [Problem(f"{n}.jpg", "odd", "kept") for n in range(count)])
    shown = [f"  {n}.jpg: odd; kept" for n in range(PROBLEMS_SHOWN)]
    assert capsys.readouterr().out.splitlines()[2:] == [
        f"{count} problems, listed in {tmp_path}/problems.csv",
        *shown,
        *([f"  and {more} more"] if more else []),
    ]
    assert len(rows(tmp_path)) == count


def test_a_name_that_is_no_text_is_shown_with_its_bytes(tmp_path, capsys):
    write(tmp_path, LABELLED, [Problem("\udcff.jpg", "odd", "kept")])
    assert r"\udcff.jpg: odd" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "train: no usable picture"),
        (LABELLED[:2], "classification val: no usable picture"),
        (LABELLED[2:], "classification train: no usable picture"),
        ([*LABELLED[:2], record("val", "2")], "classification val: no usable object"),
    ],
)
def test_a_split_without_use_is_an_error_after_the_problems_are_written(
    tmp_path, capsys, records, words
):
    found = [Problem(f"{n}.jpg", "odd" if n < 2 else "empty", "image left out") for n in range(5)]
    found += [Problem(f"{n}.jpg", "turned", "kept") for n in range(9)]
    end = rf"3 of 5 problems: 2\.jpg: empty; .*{tmp_path}/problems\.refused\.csv"
    with pytest.raises(SppnetError, match=f"{words}.*{end}") as caught:
        write(tmp_path, records, found)
    assert "\n" not in str(caught.value) and capsys.readouterr().out == ""
    expected = [(each.path, each.problem, each.action) for each in found]
    assert rows(tmp_path, "problems.refused.csv") == expected
    # what Snakemake takes for an output would be deleted with the failed job
    assert [path.name for path in tmp_path.iterdir()] == ["problems.refused.csv"]
    write(tmp_path, LABELLED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.parquet", "problems.csv"]


def test_what_was_done_is_counted(tmp_path):
    found = [Problem(f"{n}.jpg", f"odd {n}", "image left out") for n in range(3)]
    write(tmp_path, LABELLED, [Problem("set", "alike", "kept, as 2 classes"), *found])
    path = tmp_path / "problems.csv"
    line = f"3 x image left out, 1 x kept, as 2 classes; listed in {path}"
    assert problem_counts(path) == line
    write(tmp_path, LABELLED)
    assert problem_counts(path) == problem_counts(tmp_path / "none.csv") == ""


def test_of_many_classes_the_number_is_enough(tmp_path, capsys):
    records = [record("train", str(number), label=f"n{number}") for number in range(101)]
    paths = {"manifest": tmp_path / "m.parquet", "problems": tmp_path / "p.csv"}
    write_prepared(records, [], ("train",), **paths)
    assert "classification train: 101 images, 101 classes\n" in capsys.readouterr().out
