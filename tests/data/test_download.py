"""Downloads by torchvision itself; in the place of the network lie small archives."""

import io
import tarfile
from pathlib import Path
from urllib.error import URLError

import pytest

from sppnet.data import download
from sppnet.data.download import download_imagenette, download_voc
from sppnet.errors import SppnetError

TRAINVAL, TEST = "VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar"
IMAGENETTE = "imagenette2-320.tgz"
CLASS = "n01440764"


def voc_files(split):
    names = (f"ImageSets/Main/{split}.txt", f"Annotations/{split}.xml", f"JPEGImages/{split}.jpg")
    return [f"VOCdevkit/VOC2007/{name}" for name in names]


PUBLISHED = {
    TRAINVAL: voc_files("trainval"),
    TEST: voc_files("test"),
    IMAGENETTE: [f"imagenette2-320/{split}/{CLASS}/1.JPEG" for split in ("train", "val")],
}


class Publisher:
    """Gives out archives whose files hold their own names; notes what was asked for."""

    def __init__(self):
        self.reachable, self.asked = set(PUBLISHED), []

    def fetch(self, url, root, filename, md5):
        assert md5 and url.endswith(filename)
        self.asked.append(filename)
        if filename not in self.reachable:
            raise URLError("no route")
        mode = "w:gz" if filename.endswith("gz") else "w"
        with tarfile.open(Path(root) / filename, mode) as tar:
            for name in PUBLISHED[filename]:
                entry = tarfile.TarInfo(name)
                entry.size = len(name)
                tar.addfile(entry, io.BytesIO(name.encode()))


@pytest.fixture
def publisher(monkeypatch):
    publisher = Publisher()
    monkeypatch.setattr("torchvision.datasets.utils.download_url", publisher.fetch)
    return publisher


def files_below(folder):
    """Contents by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def unpacked(*archives):
    names = [name for archive in archives for name in PUBLISHED[archive]]
    tops = ("VOCdevkit/VOC2007/", "imagenette2-320/")
    return {name.removeprefix(tops[0]).removeprefix(tops[1]): name for name in names}


SETS = pytest.mark.parametrize(
    ("fetch", "archives"),
    [(download_voc, (TRAINVAL, TEST)), (download_imagenette, (IMAGENETTE,))],
    ids=["voc", "imagenette"],
)


@SETS
def test_a_set_is_made_where_it_was_asked_for_and_nothing_is_left_beside(
    tmp_path, publisher, fetch, archives
):
    fetch(tmp_path / "data/set")
    assert publisher.asked == list(archives)
    assert files_below(tmp_path / "data/set") == unpacked(*archives)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["set"]


@SETS
@pytest.mark.parametrize("kind", ["file", "folder", "empty folder", "link"])
def test_what_lies_there_is_left_alone(tmp_path, publisher, fetch, archives, kind):
    place, other = tmp_path / "data/set", tmp_path / "other"
    for folder in (place.parent, other):
        folder.mkdir()
    if kind == "file":
        place.write_text("mine")
    elif kind == "link":
        place.symlink_to(other)
    else:
        place.mkdir()
    if kind == "folder":
        (place / "mine.txt").write_text("mine")
    before = files_below(tmp_path)
    with pytest.raises(
        SppnetError, match=f"{place}: exists already .*; name a new folder"
    ) as caught:
        fetch(place)
    assert "\n" not in str(caught.value) and publisher.asked == []
    contents = {"folder": "a folder with mine.txt", "file": "no folder"}
    assert contents.get(kind, "empty") in str(caught.value)
    assert files_below(tmp_path) == before and list(place.parent.iterdir()) == [place]


@SETS
def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path, publisher, fetch, archives):
    original = publisher.fetch

    def slow(*given):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set/mine.txt").write_text("mine")
        original(*given)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SppnetError, match="set: download"):
        patch.setattr("torchvision.datasets.utils.download_url", slow)
        fetch(tmp_path / "set")
    assert files_below(tmp_path / "set") == {"mine.txt": "mine"}


@SETS
def test_without_network_the_folder_and_the_cure_are_named(tmp_path, publisher, fetch, archives):
    publisher.reachable.clear()
    with pytest.raises(SppnetError) as caught:
        fetch(tmp_path / "set")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/set: download failed (<urlopen error no route>)")
    contents = "Annotations, ImageSets" if fetch is download_voc else "train/<class>/"
    assert "try again, or put" in message and contents in message and "\n" not in message
    assert not (tmp_path / "set").exists()


def test_half_of_voc_is_not_taken_for_the_whole(tmp_path, publisher):
    publisher.reachable.remove(TEST)
    for _ in range(2):
        with pytest.raises(SppnetError, match="set: download failed"):
            download_voc(tmp_path / "set")
        assert not (tmp_path / "set").exists()
    # the archive that came stays, so that torchvision need not fetch it once more
    assert (tmp_path / ".set.download" / TRAINVAL).is_file()
    publisher.reachable.add(TEST)
    download_voc(tmp_path / "set")
    assert files_below(tmp_path / "set") == unpacked(TRAINVAL, TEST)


@SETS
def test_a_half_unpacked_archive_is_not_taken_for_the_whole(
    tmp_path, publisher, fetch, archives, monkeypatch
):
    half = tmp_path / ".set.download" / PUBLISHED[archives[0]][0]

    def killed(tar, path):
        half.parent.mkdir(parents=True)
        half.write_text("half a file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tarfile.TarFile, "extractall", killed)
        fetch(tmp_path / "set")
    assert half.is_file() and not (tmp_path / "set").exists()
    fetch(tmp_path / "set")
    assert files_below(tmp_path / "set") == unpacked(*archives)


def test_an_archive_that_is_none_is_one_line(tmp_path, publisher, monkeypatch):
    def garbage(url, root, filename, md5):
        (Path(root) / filename).write_text("<html>moved</html>")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", garbage)
    for fetch in (download_voc, download_imagenette):
        with pytest.raises(SppnetError, match="set: download failed") as caught:
            fetch(tmp_path / "set")
        assert "\n" not in str(caught.value) and not (tmp_path / "set").exists()


def test_the_size_is_torchvisions_own():
    url, _ = download.Imagenette._ARCHIVES[download.IMAGENETTE_SIZE]
    assert url.endswith(f"/{download.IMAGENETTE_NAME}.tgz")
