import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import ops

from sppnet.errors import SppnetError
from sppnet.geometry.boxes import (
    area,
    clip_boxes,
    decode_deltas,
    encode_deltas,
    intersection_over_union,
    non_maximum_suppression,
)

# The same examples on every run.
REPEATABLE = settings(derandomize=True)


def side(limit):
    """Start and stop of a non-empty stretch of whole pixels."""
    edges = st.lists(st.integers(0, limit), min_size=2, max_size=2, unique=True)
    return edges.map(sorted)


def box(limit=12):
    return st.tuples(side(limit), side(limit)).map(lambda xy: [xy[0][0], xy[1][0], *stops(xy)])


def stops(xy):
    return [xy[0][1], xy[1][1]]


def tensor(boxes):
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)


def exact_iou(a, b):
    """Overlap by counting whole pixels: independent of any formula for rectangles."""
    pixels = [{(x, y) for x in range(q[0], q[2]) for y in range(q[1], q[3])} for q in (a, b)]
    return Fraction(len(pixels[0] & pixels[1]), len(pixels[0] | pixels[1]))


def greedy(boxes, scores, limit):
    left = sorted(range(len(boxes)), key=lambda row: (-scores[row], row))
    kept = []
    while left:
        kept.append(left.pop(0))
        left = [row for row in left if exact_iou(boxes[kept[-1]], boxes[row]) <= limit]
    return kept


def test_overlaps_and_clipping_are_torchvision_s():
    corners = torch.rand(2, 60, 2, 2, generator=torch.Generator().manual_seed(0)) * 90 - 10
    a, b = corners.sort(dim=2).values.flatten(2)
    assert torch.equal(intersection_over_union(a, b), ops.box_iou(a, b))
    assert torch.equal(clip_boxes(a, 50, 30), ops.clip_boxes_to_image(a, (30, 50)))


def test_area_is_that_of_half_open_boxes():
    assert area(tensor([[0, 0, 1, 1], [2, 3, 7, 5], [4, 4, 4, 9]])).tolist() == [1, 10, 0]


@settings(REPEATABLE)
@given(st.lists(box(), min_size=1, max_size=5), st.lists(box(), min_size=1, max_size=5))
def test_overlap_is_the_share_of_common_pixels(first, second):
    found = intersection_over_union(tensor(first), tensor(second))
    expected = [[float(exact_iou(a, b)) for b in second] for a in first]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_overlap_in_figures():
    # inclusive pixels 1..8 and 6..12 of the devkit, with its + 1: 3 x 5 common, 64 + 49 - 15
    found = intersection_over_union(tensor([[0, 0, 8, 8]]), tensor([[5, 3, 12, 10]]))
    assert found.item() == pytest.approx(15 / (64 + 49 - 15))


def test_empty_boxes_overlap_nothing():
    nothing = tensor([[3, 3, 3, 3]])
    assert intersection_over_union(nothing, nothing).item() == 0
    assert intersection_over_union(nothing, tensor([[0, 0, 9, 9]])).item() == 0
    assert intersection_over_union(tensor([]), nothing).shape == (0, 1)


@settings(REPEATABLE)
@given(st.lists(st.tuples(box(), st.integers(0, 4)), max_size=14), st.sampled_from([3, 5, 7]))
def test_suppression_equals_the_greedy_loop(rows, tenths):
    boxes, scores = [row[0] for row in rows], [row[1] for row in rows]
    scored = torch.tensor(scores, dtype=torch.float32)
    kept = non_maximum_suppression(tensor(boxes), scored, iou=tenths / 10)
    assert kept.dtype == torch.int64
    assert kept.tolist() == greedy(boxes, scores, Fraction(tenths, 10))


def test_an_overlap_of_exactly_the_limit_stays():
    boxes = tensor([[0, 0, 13, 1], [7, 0, 20, 1], [0, 2, 14, 3], [7, 2, 20, 3]])  # 6 / 20, 7 / 20
    scores = torch.tensor([4.0, 3.0, 2.0, 1.0])
    assert non_maximum_suppression(boxes, scores).tolist() == [0, 1, 2]
    assert non_maximum_suppression(boxes, scores, iou=0.35).tolist() == [0, 1, 2, 3]


def test_of_equal_scores_the_earlier_row_stays():
    boxes = tensor([[0, 0, 10, 10], [50, 0, 60, 10], [1, 0, 11, 10], [0, 0, 10, 10]])
    scores = torch.tensor([1.0, 2.0, 1.0, 1.0])
    assert non_maximum_suppression(boxes, scores).tolist() == [1, 0]


def test_a_suppressed_box_suppresses_nothing():
    boxes = tensor([[0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]])  # 6 / 14, 6 / 14 and 2 / 18
    assert non_maximum_suppression(boxes, torch.tensor([3.0, 2.0, 1.0])).tolist() == [0, 2]


def test_deltas_in_figures():
    found = encode_deltas(tensor([[0, 0, 10, 20]]), tensor([[5, 0, 25, 10]]))
    np.testing.assert_allclose(found[0], [1, -0.25, math.log(2), math.log(0.5)], rtol=1e-6)


@pytest.mark.parametrize(("column", "shift"), [(0, (3, 0)), (1, (0, 3))])
def test_deltas_are_positive_to_the_right_and_downwards(column, shift):
    here = tensor([[10, 10, 30, 20]])
    deltas = encode_deltas(here, here + torch.tensor([*shift, *shift]))[0]
    assert deltas[column] > 0 and deltas.count_nonzero() == 1


coordinate = st.floats(-500, 500, width=32)
length = st.floats(0.5, 800, width=32)
real_box = st.tuples(coordinate, coordinate, length, length).map(
    lambda q: [q[0], q[1], q[0] + q[2], q[1] + q[3]]
)


@settings(REPEATABLE)
@given(st.lists(st.tuples(real_box, real_box), min_size=1, max_size=6))
def test_decoding_undoes_encoding(pairs):
    here, there = (torch.tensor(part, dtype=torch.float64) for part in zip(*pairs, strict=True))
    found = decode_deltas(here, encode_deltas(here, there))
    np.testing.assert_allclose(found, there, rtol=1e-9, atol=1e-8)


def test_zero_deltas_leave_a_box_alone():
    boxes = tensor([[3, 4, 10, 20], [0, 0, 7, 7]])
    assert torch.equal(decode_deltas(boxes, torch.zeros(2, 4)), boxes)


def test_decoding_in_figures():
    deltas = torch.tensor([[0.5, -0.25, math.log(2), 0]])
    found = decode_deltas(tensor([[10, 20, 20, 40]]), deltas)
    np.testing.assert_allclose(found, [[10, 15, 30, 35]], rtol=1e-6)


def test_clipping_moves_corners_into_the_image():
    boxes = tensor([[-3, -4, 5, 6], [8, 8, 30, 40], [25, 1, 30, 2], [1, 2, 3, 4]])
    expected = [[0, 0, 5, 6], [8, 8, 20, 10], [20, 1, 20, 2], [1, 2, 3, 4]]
    assert clip_boxes(boxes, width=20, height=10).tolist() == expected


ONE, FLAT = torch.tensor([[0, 0, 2, 2.0]]), torch.zeros(4)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: area(FLAT), r"boxes: shape is \(4,\)"),
        (lambda: area(torch.zeros(4, 5)), r"boxes: shape is \(4, 5\)"),
        (lambda: intersection_over_union(ONE, FLAT), "boxes: shape"),
        (lambda: intersection_over_union(FLAT, ONE), "boxes: shape"),
        (lambda: clip_boxes(FLAT, 1, 1), "boxes: shape"),
        (lambda: non_maximum_suppression(FLAT, FLAT), "boxes: shape"),
        (lambda: non_maximum_suppression(ONE, torch.zeros(2)), "scores: shape .* for 1 boxes"),
        (lambda: non_maximum_suppression(ONE, torch.zeros(1, 1)), "scores: shape"),
        (lambda: encode_deltas(ONE, ONE.repeat(2, 1)), "targets: 2 for 1 boxes"),
        (lambda: encode_deltas(torch.cat([ONE, 0 * ONE]), ONE.repeat(2, 1)), "boxes: row 1"),
        (lambda: encode_deltas(ONE, -ONE), "targets: row 0"),
        (lambda: decode_deltas(ONE, torch.zeros(2, 4)), "deltas: shape"),
        (lambda: decode_deltas(ONE, torch.zeros(1, 5)), "deltas: shape"),
    ],
)
def test_what_does_not_fit_is_refused(call, part):
    with pytest.raises(SppnetError, match=part) as caught:
        call()
    assert "\n" not in str(caught.value)
