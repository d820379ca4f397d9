import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.statistics.multiple import holm


def test_holm_on_an_example_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, each at least the one before
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.5))
def test_rejections_are_those_of_the_step_down_procedure(values, level):
    """The procedure as published: step through the sorted p values until one is too large."""
    rejected = set()
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[index] * (len(values) - rank) > level:
            break
        rejected.add(index)
    assert {index for index, value in enumerate(holm(values)) if value <= level} == rejected
