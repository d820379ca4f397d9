import csv

import numpy as np
import pytest
from PIL import Image

from sppnet.cli import run as sppnet
from sppnet.commands.prepare_voc import run
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.settings import DetectionImages
from sppnet.errors import SppnetError


def add(root, split, names, class_names=("dog", "cat")):
    """Pictures, annotations and list of a split."""
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    objects = "".join(
        f"<object><name>{each}</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>20</xmax>"
        "<ymax>30</ymax></bndbox></object>"
        for each in class_names
    )
    text = f"<annotation><size><width>60</width><height>40</height></size>{objects}</annotation>"
    for name in names:
        pixels = np.random.default_rng(int(name)).integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"JPEGImages/{name}.jpg")
        (root / f"Annotations/{name}.xml").write_text(text)
    (root / f"ImageSets/Main/{split}.txt").write_text("".join(f"{name}\n" for name in names))


@pytest.fixture
def root(tmp_path):
    add(tmp_path / "voc", "train", "123")
    add(tmp_path / "voc", "val", "45")
    return tmp_path / "voc"


def prepare(root, **options):
    out = root.parent / "out"
    arguments = {
        "images": DetectionImages(voc=str(root), trainval="train", test="val"),
        "manifest": out / "manifest.parquet",
        "problems": out / "problems.csv",
        "workers": 1,
    }
    run(**(arguments | options))
    return read_manifest(out / "manifest.parquet")


def problems(root, name="problems.csv"):
    with (root.parent / "out" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_clean_set_gives_every_record_and_no_problem(root, capsys):
    records = prepare(root)
    # the lists' own names are gone: later stages know the splits by their roles
    assert [(each.dataset, each.split, each.image) for each in records] == [
        *[("detection", "trainval", name) for name in "123"],
        *[("detection", "test", name) for name in "45"],
    ]
    assert class_list(records) == ("cat", "dog") and problems(root) == []
    summary = capsys.readouterr().out.splitlines()
    assert summary == [
        "detection trainval: 3 images, 6 objects (0 difficult), 2 classes: cat 3, dog 3",
        "detection test: 2 images, 4 objects (0 difficult), 2 classes: cat 2, dog 2",
        f"0 problems, listed in {root.parent}/out/problems.csv",
    ]


def test_workers_do_not_change_a_byte(root):
    prepare(root)
    before = (root.parent / "out/manifest.parquet").read_bytes()
    prepare(root, workers=2)
    assert (root.parent / "out/manifest.parquet").read_bytes() == before


def test_every_fault_is_in_one_list_and_the_rest_is_used(root, capsys):
    add(root, "val", "3467", ("dog", "cat"))
    (root / "JPEGImages/1.jpg").write_bytes(b"")
    (root / "Annotations/4.xml").write_text("<annotation>")
    (root / "JPEGImages/7.jpg").write_bytes((root / "JPEGImages/2.jpg").read_bytes())
    records = prepare(root)
    kept = [(each.split, each.image) for each in records]
    assert kept == [("trainval", "2"), ("test", "3"), ("test", "6"), ("test", "7")]
    found = [(row["path"].removeprefix(f"{root}/"), row["action"]) for row in problems(root)]
    assert sorted(found) == [
        ("Annotations/4.xml", "image left out"),
        ("JPEGImages/1.jpg", "image left out"),
        ("JPEGImages/3.jpg", "left out of training"),
        ("JPEGImages/7.jpg", "kept, makes the test easier"),
    ]
    summary = capsys.readouterr().out
    assert f"4 problems, listed in {root.parent}/out/problems.csv" in summary
    assert "1.jpg: cannot be read (empty file); image left out" in summary


def test_nothing_usable_is_an_error_after_the_list_is_written(root):
    for path in (root / "JPEGImages").iterdir():
        path.write_bytes(b"")
    with pytest.raises(SppnetError, match="trainval: no usable picture"):
        prepare(root)
    assert len(problems(root, "problems.refused.csv")) == 5
    assert not (root.parent / "out/manifest.parquet").exists()


def test_one_list_cannot_be_both(root):
    words = f"--voc {root} --trainval train --test train --manifest m --problems p"
    with pytest.raises(SppnetError, match="--test: train, as trainval; test on other images"):
        sppnet(["prepare-voc", *words.split()])


def test_a_set_in_normalised_coordinates_is_refused_by_name(root):
    for path in (root / "Annotations").iterdir():
        text = path.read_text()
        for number, share in (("3", "0.1"), ("4", "0.1"), ("20", "0.4"), ("30", "1.0")):
            text = text.replace(f">{number}</", f">{share}</")
        path.write_text(text)
    words = (
        r"trainval: no usable object .* 5 of 5 problems: .*1\.xml: all boxes lie within 0\.\.1: "
    )
    with pytest.raises(SppnetError, match=words + "normalised coordinates"):
        prepare(root)
