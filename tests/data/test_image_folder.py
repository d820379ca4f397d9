import os

import pytest
from PIL import Image

from sppnet.data.image_folder import image_folder_files, read_image_folder
from sppnet.errors import SppnetError

TWO = ["train/a/1.jpg", "train/b/1.jpg"]


def add(path, size=(30, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def test_labels_are_folder_names_sorted(tmp_path):
    for name in ("train/dog/1.jpg", "train/cat/2.jpg", "train/cat/1.png", "train/cat/deep/3.jpg"):
        add(tmp_path / name)
    records, problems = read_image_folder(tmp_path, "train")
    assert problems == []
    assert [(record.image, record.label) for record in records] == [
        ("train/cat/1.png", "cat"),
        ("train/cat/2.jpg", "cat"),
        ("train/cat/deep/3.jpg", "cat"),
        ("train/dog/1.jpg", "dog"),
    ]
    first = records[0]
    assert (first.dataset, first.split) == ("classification", "train")
    assert (first.width, first.height, len(first.boxes)) == (30, 20, 0)
    assert first.path == str(tmp_path / "train/cat/1.png")


def test_what_is_no_picture_is_named_and_hidden_files_are_not(tmp_path):
    add(tmp_path / "val/cat/1.jpg")
    add(tmp_path / "val/cat/.ipynb_checkpoints/1-checkpoint.jpg")
    for name in ("val/readme.txt", "val/cat/list.csv", "val/.DS_Store", "val/cat/.DS_Store"):
        (tmp_path / name).write_text("text")
    records, problems = read_image_folder(tmp_path, "val")
    assert len(records) == 1
    assert sorted(problem.path.rsplit("/", 1)[1] for problem in problems) == [
        "list.csv",
        "readme.txt",
    ]


@pytest.mark.parametrize("target", ["..", "../..", "."])
def test_link_loops_end(tmp_path, target):
    add(tmp_path / "train/cat/1.jpg")
    add(tmp_path / "train/dog/1.jpg")
    (tmp_path / "train/cat/loop").symlink_to(target)
    records, (problem,) = read_image_folder(tmp_path, "train")
    assert [record.image for record in records] == ["train/cat/1.jpg", "train/dog/1.jpg"]
    assert problem.action == "not followed"


def test_class_that_links_back_is_no_class(tmp_path):
    add(tmp_path / "train/cat/1.jpg")
    (tmp_path / "train/loop").symlink_to(".")
    records, (problem,) = read_image_folder(tmp_path, "train")
    assert [record.label for record in records] == ["cat"] and problem.path.endswith("loop")


def test_link_to_a_folder_elsewhere_is_followed(tmp_path):
    add(tmp_path / "store/1.jpg")
    (tmp_path / "train").mkdir()
    (tmp_path / "train/cat").symlink_to("../store")
    records, problems = read_image_folder(tmp_path, "train")
    assert [record.image for record in records] == ["train/cat/1.jpg"] and problems == []


def test_empty_class_folder_is_refused_by_name(tmp_path):
    add(tmp_path / "train/cat/1.jpg")
    (tmp_path / "train/dog").mkdir()
    with pytest.raises(SppnetError, match="train/dog: empty class folder"):
        read_image_folder(tmp_path, "train")


def test_missing_split_and_missing_classes_are_named(tmp_path):
    with pytest.raises(SppnetError, match="train: no such folder"):
        read_image_folder(tmp_path, "train")
    add(tmp_path / "train/1.jpg")
    with pytest.raises(SppnetError, match="train: no class folders"):
        read_image_folder(tmp_path, "train")


def test_the_files_of_a_set_are_those_that_are_opened(tmp_path, opened_files):
    root = tmp_path / "set"
    for name in ("train/cat/deep/1.jpg", "train/dog/1.jpg", "val/cat/1.png", "test/cat/1.jpg"):
        add(root / name)
    add(tmp_path / "store/1.jpg")
    (root / "val/dog").symlink_to(tmp_path / "store")
    for name in ("train/readme.txt", "train/cat/list.csv", "val/cat/.DS_Store"):
        (root / name).write_text("text")
    splits = ("train", "val")
    found = opened_files(root, lambda: [read_image_folder(root, split) for split in splits])
    assert len(found) == 5  # a file that is no picture in a folder of pictures is opened too
    assert set(image_folder_files(root)) == found


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([], "train: no such folder"),
        (["train/a/1.jpg"], "train: 'a' is the only class"),
        (["train/a/1.jpg", "train/.b/1.jpg"], "train: 'a' is the only class"),
        (TWO, "val: no such folder"),
        ([*TWO, "val/1.jpg"], "val: no class folders"),
        ([*TWO, "val/a/.hidden"], "val/a: empty class folder"),
        ([*TWO, "val/a/.ipynb_checkpoints/1.jpg"], "val/a: empty class folder"),
        ([*TWO, "val/a/1.jpg"], "val: 'a' is the only class"),
    ],
)
def test_a_set_without_pictures_of_both_splits_has_no_files(tmp_path, kept, words):
    for name in kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("picture")
    with pytest.raises(SppnetError, match=words):
        list(image_folder_files(tmp_path))


def test_a_folder_that_cannot_be_read_is_named_and_not_passed_over(tmp_path, monkeypatch):
    """By refusing in the place of the system: the super-user may read everything."""
    for name in TWO:
        add(tmp_path / name)
    (tmp_path / "train/b/deep").mkdir()
    scan = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    words = "train/b/deep: cannot be read .Permission denied.; make it readable"
    with pytest.raises(SppnetError, match=words):
        read_image_folder(tmp_path, "train")
