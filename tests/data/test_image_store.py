"""Stores of images: what goes in comes out, and damage is named."""

import os
from hashlib import sha256

import cv2
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from sppnet.data import image_store_writer
from sppnet.data.image_store import ImageStore, ResizedImages, shard_path
from sppnet.data.image_store_writer import write_image_store
from sppnet.data.images import read_image, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.data.settings import Store, StoredForm
from sppnet.errors import SppnetError

SIDES = ((60, 80), (90, 50), (48, 48), (200, 100), (64, 70))
RAW, JPEG, FILES = StoredForm(size=40), StoredForm(size=40, quality=90), StoredForm()


@pytest.fixture
def records(tmp_path):
    """Five smooth pictures, one of them lying on its side by EXIF."""
    random, found = np.random.default_rng(1), []
    for number, (height, width) in enumerate(SIDES):
        small = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        path = tmp_path / f"{number}.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6 if number == 1 else 1
        Image.fromarray(cv2.resize(small, (width, height))).save(path, quality=95, exif=exif)
        digest = sha256(path.read_bytes()).hexdigest()
        width, height = (height, width) if number == 1 else (width, height)
        label = f"class{number % 2}"
        split = ("classification", "train", f"train/{number}")
        found.append(ImageRecord(*split, str(path), width, height, digest, label))
    return found


def write(tmp_path, records, form, name="store", shard_images=2, workers=1):
    restart = tmp_path / f"restart-{name}"
    restart.mkdir(exist_ok=True)
    store = Store(**dict(form), shard_images=shard_images)
    write_image_store(tmp_path / name, records, store, workers=workers, restart=restart)
    assert not restart.exists()


def expected(records):
    return [resize_shorter_side(read_image(each.path), 40) for each in records]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_plain_pixels_are_those_of_training_from_files(tmp_path, records):
    write(tmp_path, records, RAW)
    store = ImageStore(tmp_path / "store")
    assert len(store) == 5 and store.form == RAW
    for image, wanted in zip(store, expected(records), strict=True):
        assert image.dtype == np.uint8 and np.array_equal(image, wanted)
    assert store.labels.to_pylist() == ["class0", "class1"] * 2 + ["class0"]
    assert store.name(3) == "train/3"
    assert [len(store[1:4]), len(store[::2]), len(store[9:])] == [3, 3, 0]
    with pytest.raises(IndexError):
        store[5]


def test_jpeg_is_near(tmp_path, records):
    write(tmp_path, records, JPEG)
    store = ImageStore(tmp_path / "store")
    for image, wanted in zip(store, expected(records), strict=True):
        assert image.shape == wanted.shape
        assert np.abs(image.astype(int) - wanted).mean() < 4
        # channels in order: the colours are far from grey
        assert np.abs(image[..., ::-1].astype(int) - wanted).mean() > 8
    size = sum(path.stat().st_size for path in (tmp_path / "store").glob("*.bin"))
    assert size < sum(image.nbytes for image in store) / 2


def test_files_are_kept_byte_for_byte(tmp_path, records):
    write(tmp_path, records, FILES)
    store = ImageStore(tmp_path / "store")
    for index, record in enumerate(records):
        with open(record.path, "rb") as file:  # noqa: PTH123
            assert store.stored(index).tobytes() == file.read()
        assert np.array_equal(store[index], read_image(record.path))
    resized = ResizedImages(store, 40)
    assert all(map(np.array_equal, resized, expected(records)))
    assert [image.shape for image in resized[3:]] == [(80, 40, 3), (40, 44, 3)]


def test_the_same_bytes_whatever_the_workers(tmp_path, records):
    write(tmp_path, records, JPEG, "one")
    write(tmp_path, records, JPEG, "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 4


def test_killed_and_continued_equals_never_killed(tmp_path, records, monkeypatch):
    write(tmp_path, records, RAW, "whole")
    encode, seen = image_store_writer.encode, []

    def dying(data, path, form):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(path)
        return encode(data, path, form)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(image_store_writer, "encode", dying)
        write(tmp_path, records, RAW)
    assert not (tmp_path / "store").exists()
    done = []
    monkeypatch.setattr(
        image_store_writer, "encode", lambda *given: done.append(given[1]) or encode(*given)
    )
    write(tmp_path, records, RAW)
    assert len(done) == 3  # the first shard of two was whole
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_across_file_systems_it_copies(tmp_path, records, monkeypatch):
    def no_link(*_):
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    write(tmp_path, records, RAW)
    assert len(ImageStore(tmp_path / "store")) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_a_changed_image_stops_the_store_and_whole_shards_are_kept(tmp_path, records, workers):
    path = tmp_path / "3.jpg"
    before = path.read_bytes()
    path.write_bytes(before + b"x")
    with pytest.raises(SppnetError, match=r"3\.jpg: has changed since its manifest"):
        write(tmp_path, records, JPEG, workers=workers)
    assert not (tmp_path / "store").exists()
    path.write_bytes(before)
    write(tmp_path, records, JPEG)
    assert len(ImageStore(tmp_path / "store")) == 5


def test_a_store_is_replaced_whole(tmp_path, records):
    write(tmp_path, records, JPEG, shard_images=1)
    write(tmp_path, records[:2], JPEG, shard_images=1)
    assert len(contents(tmp_path / "store")) == 3


def test_changed_bytes_show_in_the_checksum(tmp_path, records):
    write(tmp_path, records, RAW)
    path = shard_path(tmp_path / "store", 1)
    assert all(ImageStore(tmp_path / "store").damage(index) is None for index in range(5))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    found = [ImageStore(tmp_path / "store").damage(index) for index in range(5)]
    assert [each.path for each in found if each] == ["train/3"]


def test_jpeg_that_does_not_decode_is_named(tmp_path, records):
    write(tmp_path, records, JPEG)
    path = shard_path(tmp_path / "store", 0)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(SppnetError, match=r"train/1: broken in the store"):
        ImageStore(tmp_path / "store")[1]


def test_a_missing_or_short_shard_is_one_line(tmp_path, records):
    with pytest.raises(SppnetError, match=r"store: no store of images"):
        ImageStore(tmp_path / "store")
    write(tmp_path, records, RAW)
    path = shard_path(tmp_path / "store", 2)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SppnetError, match=r"00002\.bin: missing, or not of"):
        ImageStore(tmp_path / "store")


def test_files_have_no_quality():
    with pytest.raises(ValidationError, match="90, but files are kept as they are"):
        StoredForm(quality=90)


def test_a_dead_worker_is_one_line(tmp_path, records, monkeypatch):
    monkeypatch.setattr(image_store_writer, "_entry", lambda *_: os._exit(1))
    with pytest.raises(SppnetError, match=r"--workers 2: a process died"):
        write(tmp_path, records, RAW, workers=2)
