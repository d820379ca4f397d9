import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sppnet.data import inspection
from sppnet.data.inspection import inspect_images
from sppnet.data.inspection_journal import inspect_resumably


@pytest.fixture
def pictures(tmp_path):
    """Five pictures, one of them broken and one of them mislabelled."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        pixels = np.full((20 + number, 30, 3), 40 * number, np.uint8)
        Image.fromarray(pixels).save(path, format="JPEG" if number == 1 else "PNG")
    paths[3].write_bytes(b"no picture")
    return paths


@pytest.fixture
def decoded(monkeypatch):
    """Paths in the order in which they are decoded."""
    inspect_image, seen = inspection.inspect_image, []
    monkeypatch.setattr(
        inspection, "inspect_image", lambda path: (seen.append(path), inspect_image(path))[1]
    )
    return seen


def read(paths, journal):
    return inspect_resumably(paths, workers=1, description="read", journal=journal)


def test_it_finds_what_a_plain_inspection_finds(pictures, tmp_path):
    expected = inspect_images(pictures, workers=1, description="read")
    assert read(pictures, tmp_path / "j") == expected
    assert read(pictures, tmp_path / "j") == expected
    assert [each.usable for each in expected] == [True, True, True, False, True]


def test_nothing_known_is_decoded_again(pictures, tmp_path, decoded):
    read(pictures[:3], tmp_path / "j")
    decoded.clear()
    found = read(pictures[::-1], tmp_path / "j")
    assert decoded == [pictures[4], pictures[3]]
    assert [each.path for each in found] == pictures[::-1]


@pytest.mark.parametrize("cut", [1, 30])
def test_a_line_cut_short_is_decoded_again(pictures, tmp_path, decoded, cut):
    journal = tmp_path / "j"
    whole = read(pictures, journal)
    journal.write_bytes(journal.read_bytes()[:-cut])
    decoded.clear()
    assert read(pictures, journal) == whole
    assert decoded == [pictures[4]]
    assert len(journal.read_text().splitlines()) == 5


def test_a_changed_picture_is_decoded_again(pictures, tmp_path, decoded):
    read(pictures, tmp_path / "j")
    Image.new("RGB", (77, 33)).save(pictures[2])
    decoded.clear()
    assert read(pictures, tmp_path / "j")[2].size == (77, 33)
    assert decoded == [pictures[2]]


def test_a_changed_archive_makes_its_members_unknown(pictures, tmp_path, decoded):
    archive = tmp_path / "a.tar"

    def write(paths):
        with tarfile.open(archive, "w") as tar:
            for path in paths:
                tar.add(path, path.name)

    write(pictures[:2])
    places = [Path(f"{archive}::{path.name}") for path in pictures[:2]]
    read(places, tmp_path / "j")
    decoded.clear()
    read(places, tmp_path / "j")
    assert decoded == []
    write(pictures)
    read(places, tmp_path / "j")
    assert decoded == places
