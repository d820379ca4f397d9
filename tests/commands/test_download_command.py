import pytest

from sppnet.cli import run as sppnet
from sppnet.data import download
from sppnet.errors import SppnetError


@pytest.fixture
def fetched(monkeypatch):
    """What was asked for, in order; folders are made as the downloads do."""
    asked = []

    def fetch(name, root):
        asked.append((name, root))
        with download._download_folder(root, "pictures") as place:
            (place / name).mkdir()
            (place / name).rename(root)

    monkeypatch.setattr(download, "download_voc", lambda root: fetch("voc", root))
    monkeypatch.setattr(download, "download_imagenette", lambda root: fetch("imagenette", root))
    return asked


def run(*words):
    sppnet(["download", *map(str, words)])


@pytest.mark.parametrize("names", [["voc"], ["imagenette"], ["voc", "imagenette"]])
def test_what_is_asked_for_is_fetched_and_nothing_else(tmp_path, fetched, names):
    run(*(word for name in names for word in (f"--{name}", tmp_path / name)))
    assert fetched == [(name, tmp_path / name) for name in names]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_nothing_asked_for_is_one_line(fetched):
    with pytest.raises(SppnetError, match="--voc FOLDER or --imagenette FOLDER") as caught:
        run()
    assert "\n" not in str(caught.value) and fetched == []


@pytest.mark.parametrize("name", ["voc", "imagenette"])
def test_a_folder_that_is_there_is_refused(tmp_path, fetched, name):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SppnetError, match=f"{tmp_path}/mine: exists already"):
        run(f"--{name}", tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_both_folders_are_looked_at_before_anything_is_fetched(tmp_path, fetched):
    (tmp_path / "mine").mkdir()
    with pytest.raises(SppnetError, match="mine: exists already"):
        run("--voc", tmp_path / "new", "--imagenette", tmp_path / "mine")
    assert fetched == [] and not (tmp_path / "new").exists()


def test_a_link_that_leads_nowhere_is_left_alone(tmp_path, fetched):
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(SppnetError, match="link: exists already"):
        run("--voc", tmp_path / "link")
    assert fetched == [] and (tmp_path / "link").is_symlink()
