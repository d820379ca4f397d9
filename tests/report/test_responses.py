import numpy as np
import pytest

from sppnet.errors import SppnetError
from sppnet.geometry.receptive_field import MapGeometry
from sppnet.report.responses import Response, choose_filters, seen_by, strongest_images

GEOMETRY = MapGeometry(stride=10, offset=15, shrink=0)


def test_filters_by_strongest_response_each_on_another_image():
    strengths = np.array([[9.0, 8.0, 1.0, 0.0, 2.0], [1.0, 2.0, 7.0, 0.0, 3.0]])
    # filter 1 is strong, but on the image that filter 0 shows already; filter 3 never responds
    assert choose_filters(strengths, 2) == [0, 2]
    assert choose_filters(strengths, 3) == [0, 2, 1]
    assert choose_filters(strengths, 4) == [0, 2, 1, 4]
    with pytest.raises(SppnetError, match="only 4 of 5 filters respond"):
        choose_filters(strengths, 5)


def test_equal_filters_and_images_come_in_reading_order():
    strengths = np.ones((3, 4))
    assert choose_filters(strengths, 3) == [0, 1, 2]
    assert strongest_images(strengths, 1, 3) == [0, 1, 2]


def test_images_by_falling_response_of_the_filter():
    strengths = np.array([[1.0, 5.0], [3.0, 0.0], [2.0, 9.0]])
    assert strongest_images(strengths, 0, 3) == [1, 2, 0]
    assert strongest_images(strengths, 1, 2) == [2, 0]
    with pytest.raises(SppnetError, match="only 3"):
        strongest_images(strengths, 0, 4)


def test_the_strongest_cell():
    values = np.array([[1, 2, 0], [0, 2, 1]], np.float32)
    found = Response("", np.zeros((2, 2, 3), np.uint8), values)
    assert found.cell == (0, 1) and found.peak == 2
    values[1, 2] = 3
    assert found.cell == (1, 2) and found.peak == 3


@pytest.mark.parametrize(
    ("cell", "box"),
    [
        # centre at row 35, column 45, and 15 pixels on each side of it
        ((2, 3), (30, 20, 61, 51)),
        ((0, 0), (0, 0, 31, 31)),
        ((6, 8), (80, 60, 100, 80)),
    ],
)
def test_field_of_a_cell_cut_at_the_edges(cell, box):
    assert seen_by(cell, GEOMETRY, 31, (80, 100)) == box
