from urllib.error import URLError

import pytest

from sppnet.data import download
from sppnet.errors import SppnetError


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def voc_archive(calls):
    def unpack(place, *, year, image_set, download):
        assert year == "2007" and download
        calls.append(image_set)
        for name in (f"ImageSets/Main/{image_set}.txt", f"JPEGImages/{image_set}.jpg"):
            write(place / "VOCdevkit/VOC2007" / name)

    return unpack


def imagenette_archive(place, *, split, size, download):
    assert split == "train" and size == "320px" and download
    assert not (place / "imagenette2-320").exists()
    write(place / "imagenette2-320/train/tench/1.JPEG")
    write(place / "imagenette2-320/val/tench/2.JPEG")


def unreachable(*_, **__):
    raise URLError("no route")


def test_only_missing_voc_lists_are_fetched(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(download, "VOCDetection", voc_archive(calls))
    write(tmp_path / "VOC/ImageSets/Main/trainval.txt", "mine")
    download.download_voc(tmp_path / "VOC", ("trainval", "test"))
    assert calls == ["test"]
    assert (tmp_path / "VOC/JPEGImages/test.jpg").is_file()
    assert (tmp_path / "VOC/ImageSets/Main/trainval.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["VOC"]


def test_list_appears_after_the_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "VOCDetection", voc_archive([]))
    write(tmp_path / "VOC/JPEGImages", "in the way")
    with pytest.raises(SppnetError):
        download.download_voc(tmp_path / "VOC", ("test",))
    assert not (tmp_path / "VOC/ImageSets/Main/test.txt").exists()


def test_unofficial_list_is_refused(tmp_path):
    with pytest.raises(SppnetError, match="'mine'"):
        download.download_voc(tmp_path / "VOC", ("mine",))


def test_imagenette_goes_where_it_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "Imagenette", imagenette_archive)
    write(tmp_path / ".set.download/imagenette2-320/train/half")
    download.download_imagenette(tmp_path / "set")
    assert (tmp_path / "set/train/tench/1.JPEG").is_file()
    assert (tmp_path / "set/val/tench/2.JPEG").is_file()
    monkeypatch.setattr(download, "Imagenette", unreachable)
    download.download_imagenette(tmp_path / "set")


def test_without_network_the_folder_and_the_cure_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "Imagenette", unreachable)
    monkeypatch.setattr(download, "VOCDetection", unreachable)
    with pytest.raises(SppnetError, match=r"set: download failed .*no route.*train/<class>/"):
        download.download_imagenette(tmp_path / "set")
    with pytest.raises(SppnetError, match=r"VOC: download failed .*Annotations"):
        download.download_voc(tmp_path / "VOC", ("test",))
