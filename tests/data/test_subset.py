import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.data.manifest import ImageRecord, class_list
from sppnet.data.subset import subset
from sppnet.errors import SppnetError


def record(number, *class_names):
    boxes = np.zeros((len(class_names), 4), np.float32)
    difficult = np.zeros(len(class_names), bool)
    place = (f"{number}", f"{number}.jpg", 50, 40, "ab" * 32)
    return ImageRecord("detection", "test", *place, None, class_names, boxes, difficult)


def chosen(records, count):
    return [int(each.image) for each in subset(records, count)]


def test_classes_take_turns_by_name():
    records = [
        record(0),
        record(1, "dog"),
        record(2, "dog"),
        record(3, "cat", "dog"),
        record(4, "cat"),
        record(5, "ant"),
    ]
    # ant: 5, cat: 3, dog: 1, ant: none, cat: 4, dog: 2, and then the one without an object
    assert chosen(records, 1) == [5]
    assert chosen(records, 3) == [1, 3, 5]
    assert chosen(records, 4) == [1, 3, 4, 5]
    assert chosen(records, 5) == [1, 2, 3, 4, 5]
    assert chosen(records, None) == chosen(records, 6) == chosen(records, 99) == [0, 1, 2, 3, 4, 5]


@given(st.lists(st.sets(st.sampled_from("abcde")), min_size=1), st.integers(1, 60))
def test_no_class_is_lost_where_there_is_room(classes, count):
    records = [record(number, *sorted(names)) for number, names in enumerate(classes)]
    numbers = chosen(records, count)
    assert len(numbers) == min(count, len(records)) and numbers == sorted(set(numbers))
    if count >= len(class_list(records)):
        assert class_list([records[number] for number in numbers]) == class_list(records)


def test_none_at_all_is_refused():
    with pytest.raises(SppnetError, match="at least 1"):
        subset([record(0)], 0)
