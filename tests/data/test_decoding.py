import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sppnet.data.decoding import TURNS, decode, upright_boxes

WIDTH, HEIGHT = 13, 7


@pytest.mark.parametrize("orientation", range(1, 9))
@given(data=st.data())
def test_boxes_turn_with_the_pixels_that_they_enclose(orientation, data):
    x1, y1 = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, WIDTH)), data.draw(st.integers(y1 + 1, HEIGHT))
    stored = np.zeros((HEIGHT, WIDTH), np.uint8)
    stored[y1:y2, x1:x2] = 1
    image = Image.fromarray(stored)
    turned = np.asarray(image.transpose(TURNS[orientation]) if orientation in TURNS else image)
    rows, columns = turned.nonzero()
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    boxes = upright_boxes(np.array([[x1, y1, x2, y2]]), orientation, (WIDTH, HEIGHT))
    assert boxes.tolist() == [expected]


def test_what_was_stored_is_told(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("CMYK", (30, 20)).save(tmp_path / "a.png.jpg", exif=exif)
    decoded = decode(tmp_path / "a.png.jpg")
    assert (decoded.file_format, decoded.orientation) == ("JPEG", 6)
    assert decoded.stored_size == (30, 20) and decoded.pixels.shape == (30, 20, 3)
    assert "CMYK" in decoded.conversion
