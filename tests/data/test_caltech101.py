import numpy as np
import pytest
from PIL import Image

from sppnet.data.caltech101 import caltech_files, category_counts, read_caltech101
from sppnet.errors import SppnetError


def add(root, name, seed):
    path = root / "101_ObjectCategories" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 36, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def root(tmp_path):
    for seed, name in enumerate(("crab", "BACKGROUND_Google", "crab", "ant", "ant")):
        add(tmp_path, f"{name}/image_{seed:04d}.jpg", seed)
    add(tmp_path, "BACKGROUND_Google/image_0009.jpg", 9)
    return tmp_path


def test_every_category_is_read_the_background_too(root):
    records, problems = read_caltech101(root, 2)
    assert problems == []
    assert [(record.image, record.label) for record in records] == [
        ("BACKGROUND_Google/image_0001.jpg", "BACKGROUND_Google"),
        ("BACKGROUND_Google/image_0009.jpg", "BACKGROUND_Google"),
        ("ant/image_0003.jpg", "ant"),
        ("ant/image_0004.jpg", "ant"),
        ("crab/image_0000.jpg", "crab"),
        ("crab/image_0002.jpg", "crab"),
    ]
    assert {(record.dataset, record.split) for record in records} == {("caltech101", "all")}
    assert (records[0].width, records[0].height) == (36, 24)
    assert category_counts(records, root) == {"BACKGROUND_Google": 2, "ant": 2, "crab": 2}


def test_too_few_files_are_refused_before_any_is_decoded(root, monkeypatch):
    monkeypatch.setattr("sppnet.data.caltech101.read_image_folder", None)
    (root / "101_ObjectCategories/ant/image_0003.jpg").unlink()
    with pytest.raises(SppnetError, match=r"category 'ant' has 1 pictures .* 2 \(1 such"):
        read_caltech101(root, 2)


def test_an_empty_category_is_refused_by_name(root):
    (root / "101_ObjectCategories/bee").mkdir()
    with pytest.raises(SppnetError, match="bee: empty class folder"):
        read_caltech101(root, 2)


def test_a_folder_without_the_set_is_refused(tmp_path):
    with pytest.raises(SppnetError, match="101_ObjectCategories: no such folder; the root"):
        read_caltech101(tmp_path, 2)


def test_broken_pictures_are_left_out_and_their_category_still_counted(root):
    for path in (root / "101_ObjectCategories/ant").iterdir():
        path.write_bytes(b"")
    records, problems = read_caltech101(root, 2)
    assert [problem.action for problem in problems] == ["image left out"] * 2
    assert category_counts(records, root)["ant"] == 0


def test_repeated_pictures_are_named_with_the_first(root):
    copy = root / "101_ObjectCategories/crab/image_0007.jpg"
    copy.write_bytes((root / "101_ObjectCategories/ant/image_0003.jpg").read_bytes())
    records, (problem,) = read_caltech101(root, 2)
    assert len(records) == 7
    assert problem.path == str(copy)
    assert problem.problem.endswith("ant/image_0003.jpg")


def test_hidden_folders_and_links_upwards_are_no_categories(root):
    folder = root / "101_ObjectCategories"
    (folder / ".git").mkdir()
    (folder / "loop").symlink_to(".")
    records, (problem,) = read_caltech101(root, 2)
    assert len(records) == 6 and problem.path.endswith("loop")
    assert list(category_counts(records, root)) == ["BACKGROUND_Google", "ant", "crab"]


def test_the_files_of_a_set_are_those_that_are_opened(root, opened_files):
    (root / "101_ObjectCategories/ant/notes.txt").write_text("no picture, but nobody knows yet")
    (root / "101_ObjectCategories/ant/.DS_Store").write_text("hidden")
    (root / "101_ObjectCategories/readme.txt").write_text("in no category")
    (root / "Annotations").mkdir()
    (root / "Annotations/ant.mat").write_text("not read")
    found = opened_files(root, lambda: read_caltech101(root, 2))
    assert len(found) == 7
    assert set(caltech_files(root)) == found


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (".", "101_ObjectCategories: no such folder; the root"),
        ("101_ObjectCategories", "101_ObjectCategories: no class folders"),
        ("101_ObjectCategories/bee", "bee: empty class folder"),
    ],
)
def test_a_set_without_pictures_has_no_files(tmp_path, folder, words):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    with pytest.raises(SppnetError, match=words):
        list(caltech_files(tmp_path))
