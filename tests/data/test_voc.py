from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sppnet.data.voc import _clip, read_voc, voc_files
from sppnet.data.voc_annotation import NORMALISED
from sppnet.errors import SppnetError

WIDTH, HEIGHT = 60, 40


@pytest.fixture
def root(tmp_path):
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (tmp_path / "VOC" / folder).mkdir(parents=True)
    return tmp_path / "VOC"


def add(root, name, *boxes, size=(WIDTH, HEIGHT), filename=None, orientation=1, suffix="jpg"):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (WIDTH, HEIGHT)).save(root / "JPEGImages" / f"{name}.{suffix}", exif=exif)
    objects = "".join(
        f"<object><name>dog</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for x1, y1, x2, y2 in boxes
    )
    measure = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    text = f"<annotation><filename>{filename or name + '.jpg'}</filename>{measure}{objects}"
    (root / "Annotations" / f"{name}.xml").write_text(text + "</annotation>")


def read(root, *names):
    (root / "ImageSets/Main/test.txt").write_text("".join(f"{name}\n" for name in names))
    return read_voc(root, "test")


def test_image_and_objects_are_read(root):
    add(root, "b", (1, 1, 60, 40), (11, 21, 30, 40))
    add(root, "a")
    records, problems = read(root, "b", "a")
    assert problems == []
    assert [record.image for record in records] == ["b", "a"]
    first = records[0]
    assert (first.dataset, first.split, first.label) == ("detection", "test", None)
    assert (first.width, first.height) == (WIDTH, HEIGHT)
    assert first.boxes.tolist() == [[0, 0, 60, 40], [10, 20, 30, 40]]
    assert first.boxes.dtype == np.float32 and first.class_names == ("dog", "dog")
    assert records[1].boxes.shape == (0, 4)


def test_list_entries_are_used_once_and_stay_in_their_folder(root, tmp_path):
    add(root, "a")
    (tmp_path / "secret.jpg").write_bytes((root / "JPEGImages/a.jpg").read_bytes())
    bad = ["../../secret", "/etc/passwd", "..", "a\\b", "x" * 5000]
    records, problems = read(root, "\ufeffa", "", "a", *bad)
    assert [record.image for record in records] == ["a"]
    assert [problem.problem.split("' ")[-1] for problem in problems] == [
        "is listed twice",
        *["is not a plain image id"] * len(bad),
    ]


def test_missing_picture_and_missing_annotation_are_named(root):
    for name in "abc":
        add(root, name, (1, 1, 9, 9))
    (root / "JPEGImages/a.jpg").unlink()
    (root / "Annotations/b.xml").unlink()
    records, problems = read(root, "a", "b", "c")
    assert [record.image for record in records] == ["c"]
    assert [problem.path.rsplit("/", 1)[1] for problem in problems] == ["a.jpg", "b.xml"]
    assert {problem.action for problem in problems} == {"image left out"}


def test_other_suffixes_serve_when_there_is_no_jpg(root):
    add(root, "a", suffix="png")
    add(root, "b", suffix="png")
    add(root, "b")
    records, _ = read(root, "a", "b")
    assert [record.path.rsplit("/", 1)[1] for record in records] == ["a.png", "b.jpg"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("a  1", "a"),
        ("a -1", "a"),
        ("a,dog", "a"),
        ("a.jpg", "a"),
        ("JPEGImages/a.jpg 1", "a"),
        ("/data/JPEGImages/a", "a"),
        ("my picture.jpg", "my picture"),
    ],
)
def test_a_list_with_more_than_ids_is_refused_with_the_cure(root, line, word):
    for name in ("a", "b", "my picture"):
        add(root, name, (1, 1, 9, 9))
    with pytest.raises(SppnetError) as caught:
        read(root, "b", line)
    message = f"test.txt: 1 of 2 lines are no image ids; write {word} in the place of {line!r}"
    assert message in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(SppnetError, match="no image ids"):
        list(voc_files(root, ["test"]))


def test_ids_with_spaces_and_points_are_ids(root):
    for name in ("a 1", "b.jpg.x", "a"):
        add(root, name, (1, 1, 9, 9))
    records, problems = read(root, "a 1", "b.jpg.x", "a")
    assert len(records) == 3 and problems == []


def test_an_unreadable_list_is_not_called_missing(root):
    add(root, "a")
    (root / "ImageSets/Main/test.txt").mkdir()
    with pytest.raises(SppnetError, match=r"test\.txt: cannot be read .Is a directory"):
        read_voc(root, "test")


@given(
    left=st.floats(-5, WIDTH + 5),
    top=st.floats(-5, HEIGHT + 5),
    width=st.floats(0, 80),
    height=st.floats(0, 60),
)
def test_boxes_that_are_kept_have_a_pixel_inside_the_picture(left, top, width, height):
    box = np.array([[left, top, left + width, top + height]])
    clipped, rows, problems = _clip(box, ["dog"], (WIDTH, HEIGHT), Path("a.xml"))
    x1, y1, x2, y2 = clipped[0]
    assert 0 <= x1 <= x2 <= WIDTH and 0 <= y1 <= y2 <= HEIGHT
    assert rows == ([0] if min(x2 - x1, y2 - y1) >= 1 else [])
    assert len(problems) == (rows == [] or (clipped != box).any())


def test_normalised_boxes_are_dropped_with_a_question(root):
    add(root, "a", (0.25, 0.5, 0.75, 1), (0, 0, 1, 1))
    add(root, "b", (0.25, 0.5, 0.75, 1), (1, 1, 9, 9))
    (first, second), problems = read(root, "a", "b")
    assert len(first.boxes) == 0 and second.boxes.tolist() == [[0, 0, 9, 9]]
    assert problems[0].problem == NORMALISED
    assert [problem.action for problem in problems] == ["objects dropped", "object dropped"]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 1, 10, 10), [[0, 0, 10, 10]]),
        ((51, 31, 61, 41), [[50, 30, 60, 40]]),
        ((61, 1, 70, 10), []),
        ((-9, 1, 0, 10), []),
    ],
)
def test_box_outside_is_clipped_or_dropped_by_name(root, box, expected):
    add(root, "a", box, (1, 1, 2, 2))
    (record,), (problem,) = read(root, "a")
    assert record.boxes.tolist() == [*expected, [0, 0, 2, 2]]
    assert len(record.class_names) == len(record.difficult) == len(record.boxes)
    assert problem.path.endswith("a.xml") and "reaches outside the 60x40" in problem.problem
    assert problem.action == ("box clipped" if expected else "object dropped")


def test_difficult_flag_stays_with_its_box(root):
    add(root, "a", (99, 1, 100, 9), (1, 1, 9, 9))
    path = root / "Annotations/a.xml"
    path.write_text(path.read_text().replace("<name>", "<difficult>1</difficult><name>", 1))
    (record,), _ = read(root, "a")
    assert record.difficult.tolist() == [False]


def test_boxes_drawn_before_turning_are_turned(root):
    # Orientation 6 is shown turned a quarter clockwise: its left edge becomes the top one.
    add(root, "a", (1, 1, 10, 40), orientation=6)
    (record,), (problem,) = read(root, "a")
    assert (record.width, record.height) == (HEIGHT, WIDTH)
    assert record.boxes.tolist() == [[0, 0, 40, 10]] and problem.action == "boxes turned"


def test_boxes_drawn_upright_stay(root):
    add(root, "a", (1, 1, 40, 10), orientation=6, size=(HEIGHT, WIDTH))
    (record,), problems = read(root, "a")
    assert record.boxes.tolist() == [[0, 0, 40, 10]] and problems == []


@pytest.mark.parametrize(("orientation", "size"), [(3, (WIDTH, HEIGHT)), (1, None), (1, (0, 0))])
def test_undecidable_orientation_or_size_is_reported(root, orientation, size):
    add(root, "a", (1, 1, 10, 10), orientation=orientation, size=size)
    (record,), (problem,) = read(root, "a")
    assert record.boxes.tolist() == [[0, 0, 10, 10]]
    assert problem.action == "boxes taken as upright pixels"


def test_annotation_of_another_size_is_not_trusted(root):
    add(root, "a", (1, 1, 10, 10), size=(120, 80))
    records, (problem,) = read(root, "a")
    assert records == [] and "120x80" in problem.problem and "60x40" in problem.problem


def test_annotation_of_another_file_name_is_used_and_reported(root):
    add(root, "a", (1, 1, 10, 10), filename="b.jpg")
    add(root, "c", filename="c")
    records, (problem,) = read(root, "a", "c")
    assert len(records) == 2 and "b.jpg" in problem.problem


def test_broken_pictures_and_endless_links_are_left_out(root):
    for name in "abc":
        add(root, name, (1, 1, 10, 10))
    (root / "JPEGImages/a.jpg").write_bytes(b"")
    (root / "JPEGImages/b.jpg").unlink()
    (root / "JPEGImages/b.jpg").symlink_to("b.jpg")
    records, problems = read(root, "a", "b", "c")
    assert [record.image for record in records] == ["c"] and len(problems) == 2


def test_missing_list_is_named_with_those_that_exist(root):
    read_after = root / "ImageSets/Main/val.txt"
    read_after.write_text("a\n")
    with pytest.raises(SppnetError, match=r"trainval\.txt: no such list; there are: val"):
        read_voc(root, "trainval")


@pytest.mark.parametrize("contents", [b"", b"\n \n", b"\xff\xfe\xff"])
def test_list_without_ids_is_refused(root, contents):
    (root / "ImageSets/Main/test.txt").write_bytes(contents)
    with pytest.raises(SppnetError, match="one image id per line"):
        read_voc(root, "test")


def test_wrong_folder_is_told_what_is_needed(root):
    with pytest.raises(SppnetError, match="VOCdevkit/VOC2007"):
        read_voc(root.parent, "test")


def write_lists(root, **lists):
    for split, names in lists.items():
        text = "".join(f"{name}\n" for name in names)
        (root / f"ImageSets/Main/{split}.txt").write_text(text)


def test_the_files_of_a_set_are_those_that_are_opened(root, opened_files):
    for name in "abcd":
        add(root, name, (1, 1, 9, 9))
    add(root, "b", suffix="png")
    add(root, "e", suffix="PNG")
    write_lists(root, train="ab", test=["c", "e", "../f"], val="d")
    found = opened_files(root, lambda: [read_voc(root, split) for split in ("train", "test")])
    assert len(found) == 2 + 4 * 2
    assert set(voc_files(root, ("train", "test"))) == found


def test_files_that_a_list_names_and_that_are_missing_are_files_of_the_set(root):
    add(root, "b")
    write_lists(root, test="ab")
    missing = {root / "Annotations/a.xml", root / "JPEGImages/a.jpg"}
    assert missing <= set(voc_files(root, ("test",)))
    (root / "JPEGImages/b.jpg").unlink()
    with pytest.raises(SppnetError, match=r"JPEGImages: none of the pictures that test\.txt lists"):
        list(voc_files(root, ("test",)))


@pytest.mark.parametrize("folder", ["Annotations", "ImageSets/Main", "JPEGImages"])
def test_a_set_without_a_folder_has_no_files(root, folder):
    write_lists(root, test="a")
    (root / folder).rename(root / "elsewhere")
    with pytest.raises(SppnetError, match=f"{folder}: no such folder; a VOC set"):
        next(voc_files(root, ("test",)))


@pytest.mark.parametrize(("names", "words"), [(None, "no such list"), ("", "empty list")])
def test_a_set_without_a_list_has_no_files(root, names, words):
    write_lists(root, train="a", **({} if names is None else {"test": names}))
    with pytest.raises(SppnetError, match=rf"test\.txt: {words}"):
        list(voc_files(root, ("train", "test")))
