import cv2
import numpy as np
import pytest

from sppnet.errors import SppnetError
from sppnet.report.figures import Drawn, Photograph, class_colours, draw_page

CLASSES = ("cat", "dog")


def page(path, boxes, count=1):
    grey = np.full((100, 100, 3), 128, np.uint8)
    draw_page(path, [Photograph(f"{i}", grey, boxes) for i in range(count)], CLASSES)
    return cv2.imread(str(path))[..., ::-1].astype(int)


def near(picture, colour, tolerance=12):
    return (np.abs(picture - np.round(np.array(colour) * 255)) <= tolerance).all(axis=-1)


def test_detections_have_the_colour_of_their_class(tmp_path):
    colours = class_colours(CLASSES)
    picture = page(tmp_path / "a.png", [Drawn((20, 20, 80, 80), "dog", 1.5)])
    assert near(picture, colours["dog"]).sum() > 300
    assert near(picture, colours["cat"]).sum() == 0


def test_a_box_lies_where_it_should(tmp_path):
    """Columns of the frame against those of the photograph, which spans 100 pixels."""
    picture = page(tmp_path / "a.png", [Drawn((20, 50, 80, 90), "dog", 1.5)])
    columns = np.flatnonzero(near(picture, class_colours(CLASSES)["dog"]).sum(axis=0) > 20)
    photo = np.flatnonzero((picture == 128).all(axis=-1).any(axis=0))
    scale = (photo[-1] - photo[0] + 1) / 100
    assert (columns[0] - photo[0]) / scale == pytest.approx(20, abs=1.5)
    assert (columns[-1] - photo[0]) / scale == pytest.approx(80, abs=1.5)


def test_objects_are_black_and_white_dashes(tmp_path):
    picture = page(tmp_path / "a.png", [Drawn((20, 20, 80, 80), "dog")])
    assert near(picture, class_colours(CLASSES)["dog"]).sum() == 0
    bare = page(tmp_path / "b.png", [])
    assert (picture != bare).any()


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        page(tmp_path / name, [Drawn((20, 20, 80, 80), "dog", 1.5)], count=5)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_four_photographs_in_a_row(tmp_path):
    four, five = (page(tmp_path / "a.png", [], count=n).shape for n in (4, 5))
    assert five[1] == four[1] and five[0] == 2 * four[0]


def test_a_class_keeps_its_colour_whatever_the_order():
    assert class_colours(["dog", "cat"]) == class_colours(["cat", "dog"])


def test_an_empty_page_is_refused(tmp_path):
    with pytest.raises(SppnetError, match=r"figures\.images"):
        draw_page(tmp_path / "a.png", [], CLASSES)
