import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.data.voc_annotation import read_annotation
from sppnet.errors import SppnetError

BOMB = """<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<annotation><filename>&c;</filename></annotation>"""
FOREIGN = """<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<annotation><filename>&x;</filename></annotation>"""


def box(x1=1, y1=1, x2=2, y2=2, name="dog", extra=""):
    corners = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return f"<object><name>{name}</name>{extra}<bndbox>{corners}</bndbox></object>"


def read(folder, *objects, size="<size><width>50</width><height>40</height></size>"):
    path = folder / "a.xml"
    path.write_text(f"<annotation>{size}{''.join(objects)}</annotation>")
    return read_annotation(path)


@given(
    corner=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    extent=st.tuples(st.integers(0, 500), st.integers(1, 500)),
)
def test_half_open_box_has_the_area_of_the_inclusive_one(tmp_path_factory, corner, extent):
    (x1, y1), (x2, y2) = corner, np.add(corner, extent).tolist()
    ((left, top, right, bottom),) = read(tmp_path_factory.getbasetemp(), box(x1, y1, x2, y2)).boxes
    assert (right - left) * (bottom - top) == (x2 - x1 + 1) * (y2 - y1 + 1)
    assert (left + 1, top + 1, right, bottom) == (x1, y1, x2, y2)


@pytest.mark.parametrize(
    ("tag", "difficult"),
    [
        ("", False),
        ("<difficult/>", False),
        *((f"<difficult>{text}</difficult>", False) for text in ("0", "0.0", "False", "no")),
        *((f"<difficult>{text}</difficult>", True) for text in ("1", "1.0", " TRUE ", "yes")),
    ],
)
def test_difficult_is_no_unless_said(tmp_path, tag, difficult):
    annotation = read(tmp_path, box(extra=tag))
    assert annotation.difficult.tolist() == [difficult] and annotation.problems == []


@pytest.mark.parametrize("text", ["maybe", "nan", "Unspecified", "inf"])
def test_difficult_that_is_neither_number_nor_truth_is_a_problem(tmp_path, text):
    annotation = read(tmp_path, box(extra=f"<difficult>{text}</difficult>"))
    (problem,) = annotation.problems
    assert annotation.difficult.tolist() == [False] and problem.action == "kept as not difficult"
    assert f"difficult is {text!r}, not 0 or 1" in problem.problem


def test_fractions_are_kept(tmp_path):
    assert read(tmp_path, box(1.5, 2.25, "10.75", "2e1")).boxes.tolist() == [[0.5, 1.25, 10.75, 20]]


@pytest.mark.parametrize(
    "bad",
    [
        box("one"),
        box("nan"),
        box(x2="inf"),
        box(x1=9, x2=3),
        box(y1=9, y2=3),
        box(name=" "),
        "<object><name>dog</name></object>",
    ],
)
def test_senseless_object_is_dropped_and_the_others_stay(tmp_path, bad):
    annotation = read(tmp_path, box(name="cat"), bad, box(name="cow"))
    assert annotation.class_names == ("cat", "cow") and len(annotation.boxes) == 2
    (problem,) = annotation.problems
    assert problem.problem.startswith("object 2 (") and problem.action == "object dropped"


def test_parts_of_an_object_are_no_objects(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"
    annotation = read(tmp_path, box(3, 4, 5, 6, extra=part))
    assert annotation.class_names == ("dog",) and annotation.boxes.tolist() == [[2, 3, 5, 6]]


def test_no_object_gives_empty_arrays(tmp_path):
    annotation = read(tmp_path)
    assert annotation.boxes.shape == (0, 4) and annotation.difficult.dtype == bool


@pytest.mark.parametrize("width", ["0", "wide", ""])
def test_senseless_size_is_unknown(tmp_path, width):
    size = f"<size><width>{width}</width><height>40</height></size>"
    assert read(tmp_path, size=size).size is None
    assert read(tmp_path).size == (50, 40)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        FOREIGN,
        "",
        "<annotation>",
        "<html/>",
        "<!DOCTYPE annotation><annotation/>",
        '<?xml version="1.0" encoding="zz"?><a/>',
    ],
)
def test_hostile_or_broken_xml_is_refused(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(SppnetError, match=r"a\.xml"):
        read_annotation(tmp_path / "a.xml")


def test_deep_nesting_is_survived(tmp_path):
    assert read(tmp_path, "<a>" * 200_000 + "</a>" * 200_000, box()).class_names == ("dog",)


def test_missing_and_monstrous_files_are_refused(tmp_path):
    with pytest.raises(SppnetError, match="no such file"):
        read_annotation(tmp_path / "a.xml")
    with (tmp_path / "a.xml").open("wb") as file:
        file.truncate(10_000_001)
    with pytest.raises(SppnetError, match="bytes"):
        read_annotation(tmp_path / "a.xml")
