import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sppnet.errors import SppnetError
from sppnet.geometry.projection import choose_scale, pixel_scale, project_windows, unique_rows
from sppnet.geometry.receptive_field import MapGeometry
from sppnet.models.backbones import build_backbone, map_shape

# The same examples on every run.
REPEATABLE = settings(derandomize=True)
RELEASE = MapGeometry(stride=16, offset=20, shrink=6.5)
PAPER = MapGeometry(stride=16, offset=15, shrink=8)  # first centre at pixel 16 of 1-based ones
LARGE = (1000, 1000)
# first and last pixel of a box, and its first and last cell by release and paper, all 1-based
VECTORS = [
    ((1, 224), (0, 13), (1, 13)),
    ((1, 100), (0, 6), (1, 6)),
    ((50, 100), (3, 6), (4, 6)),
    ((100, 300), (6, 18), (7, 18)),
    ((30, 40), (2, 2), (2, 2)),
    ((1, 688), (0, 42), (1, 42)),
    ((200, 423), (13, 26), (13, 26)),
]


def cells(first, last, geometry, shift=0):
    """First and last cell (1-based) along x and along y of inclusive 1-based pixels.

    Both are moved by `shift` strides and back, so that the border of the map stays far.
    """
    low, high = first - 1 + 16 * shift, last + 16 * shift
    box = torch.tensor([[low, low, high, high]], dtype=torch.float32)
    x1, y1, x2, y2 = project_windows(box, geometry, LARGE, 1.0)[0].tolist()
    assert (x1, x2) == (y1, y2)
    return x1 + 1 - shift, x2 - shift


@pytest.mark.parametrize(("pixels", "release", "paper"), VECTORS)
def test_known_windows(pixels, release, paper):
    assert cells(*pixels, RELEASE, shift=20) == release
    assert cells(*pixels, PAPER, shift=20) == paper


@pytest.mark.parametrize(("pixels", "release", "paper"), VECTORS)
def test_known_windows_at_the_border_of_the_map(pixels, release, paper):
    assert cells(*pixels, RELEASE) == (max(release[0], 1), release[1])
    assert cells(*pixels, PAPER) == paper


def test_a_box_between_two_centres_gets_one_cell():
    assert cells(17, 32, RELEASE) == (1, 1)
    assert cells(17, 32, PAPER) == (1, 1)  # the rule gives 2 and 1: their mean, cut to a whole


def release_cells(first, last, size):
    """spm_response_boxes.m along one axis: 1-based pixels to 1-based cells of the map."""
    low = math.floor((first - 21 + 6.5) / 16 + 0.5) + 1
    high = math.ceil((last - 21 - 6.5) / 16 - 0.5) + 1
    if low > high:
        low = high = int((low + high) / 2)  # C's whole division cuts towards 0
    return min(max(low, 1), size), min(max(high, 1), size)


edge = st.integers(-300, 900)
span = st.integers(1, 700)


@settings(REPEATABLE)
@given(edge, edge, span, span, st.integers(1, 40), st.integers(1, 40))
def test_windows_equal_those_of_the_release(x, y, wide, high, rows, columns):
    box = torch.tensor([[x, y, x + wide, y + high]], dtype=torch.float32)
    found = project_windows(box, RELEASE, (rows, columns), 1)[0].tolist()
    x1, x2 = release_cells(x + 1, x + wide, columns)
    y1, y2 = release_cells(y + 1, y + high, rows)
    assert found == [x1 - 1, y1 - 1, x2, y2]


any_number = st.floats(-1e5, 1e5, width=32)


@settings(REPEATABLE)
@given(
    st.lists(st.tuples(any_number, any_number, any_number, any_number), min_size=1, max_size=5),
    st.sampled_from([RELEASE, PAPER, MapGeometry(32, 0, 0), MapGeometry(12, 14, 6.5)]),
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.floats(0.1, 10),
)
def test_windows_lie_inside_the_map_whatever_the_boxes(boxes, geometry, size, scale):
    windows = project_windows(torch.tensor(boxes), geometry, size, scale)
    limit = torch.tensor([size[1], size[0]])
    assert windows.dtype == torch.int64
    assert (windows[:, :2] >= 0).all() and (windows[:, 2:] <= limit).all()
    assert (windows[:, :2] < windows[:, 2:]).all()


def test_scale_maps_first_and_last_pixel_onto_each_other():
    # at (688 - 1) / (344 - 1) the pixels 50 and 149 (0-based) fall on 100.1 and 298.4
    box = torch.tensor([[50, 0, 150, 344.0]])
    low = math.floor((50 * 687 / 343 - 20 + 6.5) / 16 + 0.5)
    high = math.ceil((149 * 687 / 343 - 20 - 6.5) / 16 - 0.5)
    found = project_windows(box, RELEASE, (42, 60), pixel_scale(344, 688))
    assert found.tolist() == [[low, 0, high + 1, 42]]


def test_every_box_may_have_its_own_scale():
    boxes = torch.tensor([[30, 40, 150, 160.0], [30, 40, 150, 160.0]])
    found = project_windows(boxes, RELEASE, LARGE, torch.tensor([1.0, 3.0]))
    for row, scale in zip(found, (1.0, 3.0), strict=True):
        assert torch.equal(row, project_windows(boxes[:1], RELEASE, LARGE, scale)[0])
    assert not torch.equal(found[0], found[1])


# conv5 cells of the released ZF-5 along a side of so many pixels
SIDES = {224: 13, 480: 29, 576: 35, 688: 42, 864: 53, 874: 53, 1200: 74}


@pytest.mark.parametrize("size", SIDES)
def test_a_box_over_the_whole_image_covers_the_whole_map(size):
    map_size = map_shape(build_backbone("zf5", 0.125), size, 688)[1:]
    assert map_size == (SIDES[size], 42)
    box = torch.tensor([[0, 0, 688, size]])
    assert project_windows(box, RELEASE, map_size, 1.0).tolist() == [[0, 0, 42, SIDES[size]]]


def test_pixel_scale_joins_first_and_last_pixels():
    assert pixel_scale(500, 688) == 687 / 499
    assert pixel_scale(333, 333) == 1
    assert pixel_scale(2, 1) == 0


@pytest.mark.parametrize(("short_side", "size"), [(1, 10), (0, 10), (10, 0)])
def test_what_cannot_be_scaled_is_refused(short_side, size):
    with pytest.raises(SppnetError, match=f"{short_side} to {size}"):
        pixel_scale(short_side, size)


SCALES = (480, 576, 688, 864, 1200)


def boxes_of(*sizes):
    return torch.tensor([[7, 5, 7 + width, 5 + height] for width, height in sizes]).float()


def test_the_scale_nearest_to_the_target_is_chosen():
    # shorter side 333; sides of 100 give 206.6 pixels at 688 and 259.5 at 864
    sizes = [(100, 100), (200, 200), (50, 200), (120, 120), (80, 80), (20, 20)]
    found = choose_scale(boxes_of(*sizes), 333, SCALES)
    areas = [width * height for width, height in sizes]
    by_hand = [
        min(range(5), key=lambda i: abs(each * (SCALES[i] / 333) ** 2 - 224**2)) for each in areas
    ]
    assert found.tolist() == by_hand == [2, 0, 2, 1, 3, 4]


def test_the_number_of_pixels_decides_and_not_the_side():
    # 100 pixels a side: 190 at 1.9 and 255 at 2.55 are 34 and 31 from 224, but 14,076 and 14,849
    # from it in pixels
    assert choose_scale(boxes_of((100, 100)), 100, (190, 255)).item() == 0


def test_the_target_can_be_another():
    assert choose_scale(boxes_of((100, 100)), 100, (100, 208, 224), target=208).item() == 1
    assert choose_scale(boxes_of((100, 100)), 100, (100, 208, 224), target=224).item() == 2


@pytest.mark.parametrize("scales", [(1, 7), (7, 1), (5, 5)])
def test_of_equally_near_scales_the_first_is_chosen(scales):
    # 1 and 49 pixels are as far from 25
    assert choose_scale(boxes_of((1, 1)), 1, scales, target=5).item() == 0


ONE = torch.tensor([[0, 0, 2, 2.0]])


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: choose_scale(ONE, 10, ()), r"scales: \[\] for a shorter side of 10"),
        (lambda: choose_scale(ONE, 10, (5, 0)), r"scales: \[5, 0\]"),
        (lambda: choose_scale(ONE, 0, (5,)), "scales: .* of 0"),
        (lambda: choose_scale(ONE[0], 10, (5,)), "boxes: shape"),
        (lambda: project_windows(ONE[0], RELEASE, (3, 3), 1), "boxes: shape"),
        (lambda: project_windows(ONE, RELEASE, (0, 3), 1), r"map: \(0, 3\) cells"),
        (lambda: project_windows(ONE * math.nan, RELEASE, (3, 3), 1), "boxes: row 0 .*nan"),
        (
            lambda: project_windows(torch.cat([ONE, ONE * math.inf]), RELEASE, (3, 3), 1),
            "boxes: row 1 .*inf",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, part):
    with pytest.raises(SppnetError, match=part) as caught:
        call()
    assert "\n" not in str(caught.value)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=0, max_size=20))
def test_equal_rows_are_known_by_their_first(rows):
    first, index = unique_rows(torch.tensor(rows, dtype=torch.int64).reshape(-1, 2))
    assert sorted(first.tolist()) == [n for n, row in enumerate(rows) if row not in rows[:n]]
    assert [rows[first[group]] for group in index.tolist()] == rows
