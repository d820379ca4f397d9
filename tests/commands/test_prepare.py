import csv

import numpy as np
import pytest
from PIL import Image

from sppnet.commands.prepare import run
from sppnet.data.manifest import class_list, read_manifest
from sppnet.errors import SppnetError


def save(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def add_voc(root, split, names, class_names=("dog",)):
    for name in names:
        save(root / f"JPEGImages/{name}.jpg", int(name))
        objects = "".join(
            f"<object><name>{each}</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>20</xmax>"
            "<ymax>30</ymax></bndbox></object>"
            for each in class_names
        )
        text = (
            f"<annotation><size><width>60</width><height>40</height></size>{objects}</annotation>"
        )
        path = root / f"Annotations/{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    path = root / f"ImageSets/Main/{split}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names))


@pytest.fixture
def sets(tmp_path):
    add_voc(tmp_path / "voc", "train", ["1", "2", "3"], ("dog", "cat"))
    add_voc(tmp_path / "voc", "val", ["4", "5"], ("dog", "cat"))
    for i, name in enumerate(("train/a/1", "train/a/2", "train/b/1", "val/a/1", "val/b/1")):
        save(tmp_path / f"folder/{name}.jpg", 100 + i)
    return tmp_path


def prepare(sets, **options):
    arguments = {
        "voc": sets / "voc",
        "trainval": "train",
        "test": "val",
        "image_folder": sets / "folder",
        "manifest": sets / "out/manifest.parquet",
        "problems": sets / "out/problems.csv",
        "workers": 1,
    }
    run(**(arguments | options))
    return read_manifest(sets / "out/manifest.parquet")


def problems(sets):
    with (sets / "out/problems.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_clean_sets_give_every_record_and_no_problem(sets, capsys):
    records = prepare(sets)
    splits = [(record.dataset, record.split) for record in records]
    assert splits == [
        *[("detection", "trainval")] * 3,
        *[("detection", "test")] * 2,
        *[("classification", "train")] * 3,
        *[("classification", "val")] * 2,
    ]
    assert class_list(records) == ("a", "b", "cat", "dog") and problems(sets) == []
    assert len({(record.dataset, record.image) for record in records}) == len(records)
    summary = capsys.readouterr().out
    assert (
        "detection trainval: 3 images, 6 objects (0 difficult), 2 classes: cat 3, dog 3" in summary
    )
    assert "classification train: 3 images, 2 classes: a 2, b 1" in summary


def test_workers_do_not_change_a_byte(sets):
    prepare(sets)
    before = (sets / "out/manifest.parquet").read_bytes()
    prepare(sets, workers=2)
    assert (sets / "out/manifest.parquet").read_bytes() == before


def test_every_fault_is_in_one_list_and_the_rest_is_used(sets, capsys):
    (sets / "voc/JPEGImages/1.jpg").write_bytes(b"")
    (sets / "voc/Annotations/4.xml").write_text("<annotation>")
    whole = (sets / "folder/train/a/1.jpg").read_bytes()
    (sets / "folder/train/a/1.jpg").write_bytes(whole[: len(whole) // 2])
    save(sets / "folder/val/c/1.jpg", 7)
    records = prepare(sets)
    assert len(records) == 10 - 3
    names = [row["path"].removeprefix(f"{sets}/") for row in problems(sets)]
    assert sorted(names) == [
        "folder/train/a/1.jpg",
        "folder/val/c/1.jpg",
        "voc/Annotations/4.xml",
        "voc/JPEGImages/1.jpg",
    ]
    summary = capsys.readouterr().out
    assert f"4 problems, listed in {sets}/out/problems.csv" in summary
    assert "1.jpg: cannot be read (empty file); image left out" in summary


def test_nothing_usable_is_an_error_after_the_list_is_written(sets):
    for path in (sets / "voc/JPEGImages").iterdir():
        path.write_bytes(b"")
    with pytest.raises(SppnetError, match="detection trainval: no usable picture"):
        prepare(sets)
    assert len(problems(sets)) >= 5
    assert not (sets / "out/manifest.parquet").exists()


def test_an_empty_class_is_named_before_anything_is_decoded(sets, monkeypatch):
    (sets / "folder/val/c").mkdir()
    monkeypatch.setattr("sppnet.commands.prepare.read_voc", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(SppnetError, match="val/c: empty class folder"):
        prepare(sets)


def test_one_list_cannot_be_both(sets):
    with pytest.raises(SppnetError, match="two different lists"):
        prepare(sets, test="train")
