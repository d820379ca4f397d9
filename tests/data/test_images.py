import contextlib
import tarfile
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sppnet.data.archives import member_place, read_file
from sppnet.data.images import (
    read_image,
    read_listed,
    resize,
    resize_shorter_side,
)
from sppnet.errors import SppnetError


def picture(height=40, width=60, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_plain_rgb_comes_back_as_it_was(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png")
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, picture())


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = picture()[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.dstack([grey] * 3))


def test_palette_gives_its_colours(tmp_path):
    indexed = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0].tolist() == [[10, 20, 30], [40, 50, 60]]


def test_cmyk_ink_darkens_the_right_channel(tmp_path):
    Image.new("CMYK", (32, 32), (255, 0, 0, 0)).save(tmp_path / "cyan.jpg", quality=95)
    red, green, blue = read_image(tmp_path / "cyan.jpg").mean(axis=(0, 1))
    assert red < 10 and green > 240 and blue > 240


def test_sixteen_bits_keep_their_upper_byte(tmp_path):
    values = np.array([[0, 255, 256, 65535, 32768 + 200]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 1].tolist() == [0, 0, 1, 255, 128]


@pytest.mark.parametrize(("alpha", "expected"), [(0, [128] * 3), (255, [200, 100, 0])])
def test_transparency_shows_mid_grey(tmp_path, alpha, expected):
    Image.new("RGBA", (2, 2), (200, 100, 0, alpha)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, 0].tolist() == expected


def test_half_transparency_is_half_way_to_grey(tmp_path):
    Image.new("LA", (2, 2), (28, 128)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), 78, atol=1)


def test_transparent_palette_entry_shows_mid_grey(tmp_path):
    indexed = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.save(tmp_path / "a.png", transparency=1)
    assert read_image(tmp_path / "a.png")[0].tolist() == [[10, 20, 30], [128, 128, 128]]


# Where the picture's stored first row and first column belong, as the EXIF standard words it.
UPRIGHT = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_exif_orientation_is_undone(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture()).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), UPRIGHT[orientation](picture()))


def test_broken_exif_does_not_cost_the_picture(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff")
    assert read_image(tmp_path / "a.jpg").shape == (40, 60, 3)


def write_broken(folder, kind):
    path = folder / f"{kind}.jpg"
    Image.fromarray(picture(200, 300)).save(path)
    whole = path.read_bytes()
    if kind != "missing":
        contents = {"empty": b"", "text": b"hello\n" * 99, "cut": whole[: len(whole) * 3 // 4]}
        path.write_bytes(contents[kind])
    else:
        path.unlink()
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "empty file"),
        ("text", "not a picture"),
        ("cut", "truncated"),
        ("missing", "no such file"),
    ],
)
def test_broken_file_is_named_with_its_fault(tmp_path, kind, words):
    path = write_broken(tmp_path, kind)
    with pytest.raises(SppnetError, match=words) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Image size")
def test_bomb_is_refused_before_it_is_unpacked(tmp_path):
    Image.new("1", (9500, 9500)).save(tmp_path / "a.png")
    with pytest.raises(SppnetError, match=r"9500x9500|90250000"):
        read_image(tmp_path / "a.png")


def test_floating_point_pixels_are_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(SppnetError, match="32 bits"):
        read_image(tmp_path / "a.tif")


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(
    data=st.binary(max_size=200),
    start=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0"]),
)
def test_any_bytes_give_pixels_or_the_known_error(tmp_path_factory, data, start):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(start + data)
    with contextlib.suppress(SppnetError):
        assert read_image(path).ndim == 3


def save_picture(folder, seed=0, form="file"):
    """A picture at the same place each time, by itself or in an archive; the place."""
    path = folder / "a.png"
    Image.fromarray(picture(seed=seed)).save(path)
    if form == "file":
        return path
    with tarfile.open(folder / "x.tar", "w") as tar:
        tar.add(path, "a.png")
    return member_place(folder / "x.tar", "a.png")


def listed(place):
    return SimpleNamespace(path=str(place), sha256=sha256(read_file(place)).hexdigest())


FORMS = pytest.mark.parametrize("form", ["file", "member"])


@FORMS
def test_a_listed_picture_is_read(tmp_path, form):
    pixels = read_listed(listed(save_picture(tmp_path, form=form)))
    np.testing.assert_array_equal(pixels, picture())


@FORMS
def test_another_picture_in_the_place_of_a_listed_one_is_refused(tmp_path, form):
    each = listed(save_picture(tmp_path, form=form))
    place = save_picture(tmp_path, seed=1, form=form)
    with pytest.raises(SppnetError, match="has changed since its manifest was made") as caught:
        read_listed(each)
    assert str(caught.value).startswith(f"{place}: ") and "\n" not in str(caught.value)
    read_listed(listed(place))


def test_other_bytes_of_the_same_pixels_are_another_picture(tmp_path):
    each = listed(save_picture(tmp_path))
    with (tmp_path / "a.png").open("ab") as file:
        file.write(b"\0")
    np.testing.assert_array_equal(read_image(each.path), picture())
    with pytest.raises(SppnetError, match=r"a\.png: has changed"):
        read_listed(each)


@FORMS
def test_a_listed_picture_that_is_gone_is_named(tmp_path, form):
    each = listed(save_picture(tmp_path, form=form))
    (tmp_path / ("a.png" if form == "file" else "x.tar")).unlink()
    with pytest.raises(SppnetError, match=r"a\.png: cannot be read \(no such file\)"):
        read_listed(each)


def test_a_listed_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(SppnetError, match=r"a\.png: not a picture"):
        read_listed(listed(tmp_path / "a.png"))


def test_shrinking_does_not_average():
    stripes = np.zeros((3, 300, 3), np.uint8)
    stripes[:, 1::3] = 255
    # At a third of the width each sample falls on the middle pixel of three.
    assert (resize(stripes, 3, 100) == 255).all()


def test_enlarging_interpolates_between_pixel_centres():
    edge = np.zeros((1, 2, 3), np.uint8)
    edge[:, 1] = 200
    assert resize(edge, 1, 4)[0, :, 0].tolist() == [0, 50, 150, 200]


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(375, 500, (688, 917)), (500, 375, (917, 688)), (100, 100, (688, 688)), (4, 9, (2, 5))],
)
def test_shorter_side_gets_the_size(height, width, expected):
    size = min(expected)
    assert resize_shorter_side(picture(height, width), size).shape == (*expected, 3)
