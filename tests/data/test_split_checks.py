from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.data.manifest import ImageRecord
from sppnet.data.split_checks import check_splits, require_usable, similar_classes
from sppnet.errors import SppnetError


def record(image, split, *names, label=None, sha256=None):
    boxes = np.arange(4 * len(names), dtype=np.float32).reshape(-1, 4)
    difficult = np.arange(len(names)) == 1
    path = f"{image}.jpg"
    return ImageRecord(
        "any", split, image, path, 50, 40, sha256 or image, label, names, boxes, difficult
    )


def check(training, testing):
    return check_splits(training, testing, "set")


def test_image_in_both_lists_is_only_tested():
    training = [record("a", "trainval", "dog"), record("b", "trainval", "dog")]
    records, (problem,) = check(training, [record("b", "test", "dog", sha256="x")])
    assert [(each.image, each.split) for each in records] == [("a", "trainval"), ("b", "test")]
    assert problem.path == "b.jpg" and problem.action == "left out of training"


def test_same_bytes_in_both_splits_are_reported():
    training, testing = record("a", "train", "dog"), record("b", "val", "dog", sha256="a")
    records, (problem,) = check([training], [testing])
    assert len(records) == 2 and problem.path == "b.jpg" and "a.jpg" in problem.problem


def test_objects_of_a_class_never_trained_are_dropped_with_their_rows():
    testing = [record("b", "test", "cow", "dog", "cow"), record("c", "test", "dog")]
    (_, kept, _), (problem,) = check([record("a", "trainval", "dog")], testing)
    assert kept.class_names == ("dog",) and kept.boxes.tolist() == [[4, 5, 6, 7]]
    assert kept.difficult.tolist() == [True]
    assert problem.path == "b.jpg" and "'cow'" in problem.problem


def test_labels_never_trained_are_left_out():
    testing = [record("b", "val", label="dog"), record("c", "val", label="cow")]
    records, (problem,) = check([record("a", "train", label="dog")], testing)
    assert [each.image for each in records] == ["a", "b"] and problem.path == "c.jpg"


def test_class_never_tested_is_reported():
    training = [record("a", "train", label="dog"), record("b", "train", label="cow")]
    records, (problem,) = check(training, [record("c", "val", label="dog")])
    assert len(records) == 3 and problem.path == "set" and "'cow'" in problem.problem


def test_class_with_only_difficult_objects_in_test_is_reported():
    training = [record("a", "trainval", "dog", "cow")]
    _, (problem,) = check(training, [record("b", "test", "dog", "cow")])
    assert problem.path == "set" and "'cow'" in problem.problem


@pytest.mark.parametrize("records", [[], [record("a", "test")]])
def test_nothing_usable_is_refused(records):
    with pytest.raises(SppnetError, match=r"^detection test: no usable "):
        require_usable(records, "detection test", tested=True)


def test_one_object_is_enough():
    records = [record("a", "test"), record("b", "test", "dog")]
    require_usable(records, "detection test", tested=True)


def test_difficult_objects_only_are_refused_where_something_is_measured():
    objects = record("a", "test", "dog", "dog")
    hard = replace(objects, difficult=np.array([True, True]))
    with pytest.raises(SppnetError, match="detection test: every object is difficult"):
        require_usable([hard], "detection test", tested=True)
    require_usable([hard], "detection trainval", tested=False)
    require_usable([hard, objects], "detection test", tested=True)


def test_a_single_label_is_nothing_to_train_on():
    records = [record("a", "train", label="dog"), record("b", "train", label="dog")]
    with pytest.raises(SppnetError, match="train: 'dog' is the only class"):
        require_usable(records, "train", tested=False)
    require_usable([*records, record("c", "train", label="cat")], "train", tested=False)


@given(name=st.text("ab ", min_size=1), other=st.text("abAB ", min_size=1))
def test_names_are_remarked_on_where_only_case_or_white_space_differs(name, other):
    problems = similar_classes({name, other}, "set")
    same = name.replace(" ", "") == other.replace(" ", "").lower()
    assert len(problems) == (name != other and same)


def test_a_class_of_another_spelling_in_test_is_remarked_on_before_it_is_dropped():
    training, testing = record("a", "trainval", "no helmet"), record("b", "test", "No Helmet")
    _, problems = check([training], [testing])
    alike = problems[0]
    assert alike.problem == "classes 'No Helmet', 'no helmet' differ in case or white space only"
    assert (alike.path, alike.action) == ("set", "kept as 2 classes")
