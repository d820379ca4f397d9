import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sppnet.geometry.rectangle_maxima import RectangleMaxima, uninitialised

# The same examples on every run.
REPEATABLE = settings(derandomize=True)


def values(height, width, channels, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(height, width, channels, generator=generator).to(dtype)


def maxima(map, rectangles):
    height, width = map.shape[:2]
    found = RectangleMaxima(rectangles, height, width)
    return found, found.of(map.flatten(0, 1))


def naive(map, rectangles):
    parts = [
        map[top : top + rows, left : left + columns] for top, left, rows, columns in rectangles
    ]
    return torch.stack([part.amax((0, 1)) for part in parts])


@st.composite
def map_and_rectangles(draw):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rectangles = []
    for _ in range(draw(st.integers(1, 12))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        sides = draw(st.integers(1, height - top)), draw(st.integers(1, width - left))
        rectangles.append([top, left, *sides])
    return values(height, width, draw(st.integers(1, 4)), draw(st.integers(0, 99))), rectangles


@settings(REPEATABLE, max_examples=200)
@given(map_and_rectangles())
def test_maxima_equal_the_naive_ones(drawn):
    map, rectangles = drawn
    plan, found = maxima(map, torch.tensor(rectangles))
    assert torch.equal(found[plan.index], naive(map, rectangles))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_every_rectangle_of_a_map(dtype):
    height, width = 9, 7
    map = values(height, width, 2, dtype=dtype) - 5
    rectangles = [
        [top, left, rows, columns]
        for top in range(height)
        for left in range(width)
        for rows in range(1, height - top + 1)
        for columns in range(1, width - left + 1)
    ]
    plan, found = maxima(map, torch.tensor(rectangles))
    assert torch.equal(found[plan.index], naive(map, rectangles))


@pytest.mark.parametrize(("height", "width"), [(1, 300), (300, 1), (70, 130)])
def test_long_sides(height, width):
    rectangles = [[0, 0, height, width], [height // 2, 0, 1, width], [0, width // 2, height, 1]]
    map = values(height, width, 3)
    plan, found = maxima(map, torch.tensor(rectangles))
    assert torch.equal(found[plan.index], naive(map, rectangles))


def test_equal_rectangles_are_computed_once():
    rectangles = [[0, 0, 3, 3], [1, 1, 2, 2], [0, 0, 3, 3], [1, 1, 2, 2], [1, 1, 2, 3]]
    plan, found = maxima(values(4, 4, 2), torch.tensor(rectangles))
    assert len(found) == 3
    assert plan.index[0] == plan.index[2] and plan.index[1] == plan.index[3]
    assert len(set(plan.index.tolist())) == 3


def test_a_plan_serves_several_maps():
    rectangles = [[0, 1, 3, 2], [2, 0, 1, 4]]
    plan = RectangleMaxima(torch.tensor(rectangles), 3, 4)
    for seed, channels in ((1, 2), (2, 5)):
        map = values(3, 4, channels, seed)
        assert torch.equal(plan.of(map.flatten(0, 1))[plan.index], naive(map, rectangles))


def test_memory_has_the_type_and_shape_that_was_asked_for():
    found = uninitialised((3, 0, 5), torch.zeros(1, dtype=torch.float16))
    assert found.shape == (3, 0, 5) and found.dtype == torch.float16
    uninitialised((4, 2), torch.zeros(1, dtype=torch.float64)).fill_(1.0)
