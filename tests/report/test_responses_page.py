import cv2
import numpy as np
import pytest

from sppnet.geometry.receptive_field import MapGeometry
from sppnet.report.responses import FilterResponses, Response
from sppnet.report.responses_page import draw_responses

GEOMETRY = MapGeometry(stride=10, offset=15, shrink=0)
YELLOW = (255, 255, 0)


def response(peak=(2, 3), value=4.0, shape=(80, 100), name="000001"):
    values = np.zeros((6, 8), np.float32)
    values[peak] = value
    return Response(name, np.full((*shape, 3), 128, np.uint8), values)


def page(folder, rows, name="a"):
    path = folder / f"{name}.png"
    draw_responses(path, rows, geometry=GEOMETRY, field=31, caption="What is seen.")
    return path


def near(picture, colour, tolerance=40):
    return (np.abs(picture.astype(int) - colour) <= tolerance).all(axis=-1)


def test_the_rectangle_lies_where_it_should(tmp_path):
    """Columns of the frame against those of the photograph, which spans 100 pixels."""
    png = page(tmp_path, [FilterResponses(7, [response()])])
    picture = cv2.imread(str(png))[..., ::-1]
    frame = near(picture, YELLOW)
    photograph = np.flatnonzero((picture == 128).all(axis=-1).any(axis=0))
    scale = (photograph[-1] - photograph[0] + 1) / 100
    columns = np.flatnonzero(frame.sum(axis=0) > 20)
    assert (columns[0] - photograph[0]) / scale == pytest.approx(30, abs=1.5)
    assert (columns[-1] - photograph[0]) / scale == pytest.approx(61, abs=1.5)


def test_the_map_lies_as_its_photograph(tmp_path):
    """The strongest cell, bright, stands under the middle of the rectangle, one panel further."""
    bright = []
    for name, peak in (("a", (2, 3)), ("b", (2, 5))):
        png = page(tmp_path, [FilterResponses(7, [response(peak)])], name)
        picture = cv2.imread(str(png))[..., ::-1]
        frame = np.argwhere(near(picture, YELLOW))
        middle = (frame.min(axis=0) + frame.max(axis=0)) / 2
        right = picture[:, : int(picture.shape[1] * 0.75)].copy()
        right[:, : int(frame[:, 1].max()) + 4] = 0
        # the brightest colour of the scale
        cell = np.argwhere(near(right, (252, 255, 164), 3))
        bright.append(cell.mean(axis=0) - middle)
    assert bright[0][0] == pytest.approx(0, abs=2)
    # the map lies as far from its photograph whatever the cell
    assert bright[0] == pytest.approx(bright[1], abs=2)


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    rows = [FilterResponses(i, [response(), response((1, 1), 2.0)]) for i in (3, 5)]
    first, second = page(tmp_path, rows, "a"), page(tmp_path, rows, "b")
    assert first.read_bytes() == second.read_bytes()
    assert b"Matplotlib v" not in first.read_bytes()


def test_rows_and_columns_of_the_page(tmp_path):
    def shape(filters, images):
        rows = [FilterResponses(i, [response()] * images) for i in range(filters)]
        return cv2.imread(str(page(tmp_path, rows))).shape

    assert shape(2, 3)[0] > shape(1, 3)[0] and shape(2, 3)[1] == shape(1, 3)[1]
    assert shape(1, 3)[1] > shape(1, 1)[1]


def test_portraits_do_not_grow_beyond_their_row(tmp_path):
    tall, square = (
        cv2.imread(str(page(tmp_path, [FilterResponses(1, [response(shape=shape)])]))).shape
        for shape in ((300, 100), (100, 100))
    )
    assert tall == square
