"""Image sets from outside: there or not, and digests that follow their contents."""

import os
from pathlib import Path

import pytest
import yaml

from sppnet.config.settings import check_settings
from sppnet.errors import SppnetError
from sppnet.plan.sources import Digests, ImageSet, image_sets

ROOT = Path(__file__).resolve().parents[2]


def settings(config, **data):
    values = yaml.safe_load((ROOT / f"config/{config}.yaml").read_text())
    values["data"] |= data
    return check_settings(values)


@pytest.fixture
def pictures(tmp_path):
    for name, text in (("a.jpg", "one"), ("b.jpg", "two")):
        (tmp_path / name).write_text(text)
    return ImageSet("data.voc", lambda: sorted(tmp_path.glob("*.jpg")))


def digest(images, memory):
    digests = Digests(memory)
    found = digests.of_set(images)
    digests.remember()
    return found


@pytest.fixture
def memory(tmp_path):
    return tmp_path / "memory/digests.json"


def rewrite(path, text, *, time=None):
    path.write_text(text)
    if time is not None:
        os.utime(path, (time, time))


@pytest.mark.parametrize("time", [None, 5])
def test_a_changed_picture_changes_the_digest_even_with_an_old_time(
    pictures, memory, tmp_path, time
):
    before = digest(pictures, memory)
    rewrite(tmp_path / "a.jpg", "ONE", time=time)
    assert digest(pictures, memory) != before


def test_another_size_with_the_time_of_before_changes_the_digest(pictures, memory, tmp_path):
    rewrite(tmp_path / "a.jpg", "one", time=5)
    before = digest(pictures, memory)
    rewrite(tmp_path / "a.jpg", "longer", time=5)
    assert digest(pictures, memory) != before


def test_deleted_added_and_renamed_pictures_change_the_digest(pictures, memory, tmp_path):
    found = [digest(pictures, memory)]
    (tmp_path / "c.jpg").write_text("three")
    found.append(digest(pictures, memory))
    (tmp_path / "c.jpg").rename(tmp_path / "d.jpg")
    found.append(digest(pictures, memory))
    (tmp_path / "a.jpg").unlink()
    found.append(digest(pictures, memory))
    assert len(set(found)) == 4


def test_a_listed_picture_that_is_missing_counts(memory, tmp_path):
    listed = ImageSet("data.voc", lambda: [tmp_path / "a.jpg"])
    before = digest(listed, memory)
    (tmp_path / "a.jpg").write_text("")
    assert digest(listed, memory) != before


def test_new_times_of_the_same_contents_change_nothing(pictures, memory, tmp_path):
    before = digest(pictures, memory)
    os.utime(tmp_path / "a.jpg", (5, 5))
    assert digest(pictures, memory) == before


def test_known_files_are_not_read_again(pictures, memory, monkeypatch, tmp_path):
    before = digest(pictures, memory)
    monkeypatch.setattr("sppnet.plan.sources.file_sha256", lambda path: pytest.fail("read"))
    assert digest(pictures, memory) == before
    with pytest.raises(pytest.fail.Exception):
        rewrite(tmp_path / "a.jpg", "longer")
        digest(pictures, memory)


def test_a_memory_that_cannot_be_written_is_done_without(pictures, tmp_path):
    (tmp_path / "file").write_text("")
    memory = tmp_path / "file" / "digests.json"
    assert digest(pictures, memory) == digest(pictures, tmp_path / "elsewhere.json")


def test_large_sets_are_known_by_their_sizes(tmp_path, memory):
    archive = tmp_path / "train.tar"
    images = ImageSet("data.imagenet", lambda: [archive], by_size=True)
    archive.write_text("abc")
    before = digest(images, memory)
    archive.write_text("cba")
    assert digest(images, memory) == before
    archive.write_text("abcd")
    assert digest(images, memory) != before
    archive.unlink()
    assert digest(images, memory) != before


def test_sets_from_outside_are_watched_by_the_rules_that_read_them():
    assert set(image_sets(settings("mini"))) == set()
    assert {rule: each.setting for rule, each in image_sets(settings("voc07")).items()} == {
        "prepare_voc": "data.voc",
        "prepare_image_folder": "data.image_folder",
        "prepare_caltech101": "transfer.table7.root",
    }
    assert {rule: each.by_size for rule, each in image_sets(settings("paper")).items()} == {
        "prepare_voc": False,
        "prepare_imagenet": True,
        "prepare_caltech101": False,
    }


def test_a_missing_set_is_named_with_its_setting_and_where_it_can_be_had(tmp_path, memory):
    sets = image_sets(settings("voc07", voc=str(tmp_path / "VOC2007")))
    with pytest.raises(SppnetError, match=r"data\.voc: .*VOC2007/Annotations: no such folder"):
        Digests(memory).of_set(sets["prepare_voc"])
    with pytest.raises(SppnetError, match=r"docs/data\.md"):
        Digests(memory).of_set(sets["prepare_voc"])


def test_a_list_without_a_single_picture_is_no_set(tmp_path, memory):
    """As where a disk is not mounted: the good manifest must not be made anew from nothing."""
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (tmp_path / folder).mkdir(parents=True)
    for split in ("trainval", "test"):
        (tmp_path / f"ImageSets/Main/{split}.txt").write_text("000001\n")
    sets = image_sets(settings("voc07", voc=str(tmp_path)))
    with pytest.raises(SppnetError, match=r"JPEGImages: none of the pictures that trainval\.txt"):
        Digests(memory).of_set(sets["prepare_voc"])


@pytest.mark.parametrize("text", ["null", "[]", "{"])
def test_a_torn_memory_is_no_memory(pictures, memory, tmp_path, text):
    memory.parent.mkdir()
    memory.write_text(text)
    assert digest(pictures, memory) == digest(pictures, tmp_path / "fresh.json")


def test_what_is_no_file_counts_as_missing(memory, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    for name in ("pipe.jpg", "folder.jpg", "absent.jpg"):
        assert Digests(memory).of_file(tmp_path / name) == "missing"


def test_a_mistyped_list_is_named_beside_those_there_are(tmp_path, memory):
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ImageSets/Main/trainval.txt").write_text("000001\n")
    sets = image_sets(settings("voc07", voc=str(tmp_path), test="tset"))
    with pytest.raises(SppnetError, match=r"tset\.txt: no such list; there are: trainval"):
        Digests(memory).of_set(sets["prepare_voc"])
