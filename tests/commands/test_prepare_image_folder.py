import csv

import numpy as np
import pytest
from PIL import Image

from sppnet.commands.prepare_image_folder import run
from sppnet.data.manifest import class_list, read_manifest
from sppnet.errors import SppnetError

NAMES = ("train/a/1", "train/a/2", "train/b/1", "val/a/1", "val/b/1")


def save(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path):
    for seed, name in enumerate(NAMES):
        save(tmp_path / f"set/{name}.jpg", seed)
    return tmp_path / "set"


def prepare(root, workers=1):
    out = root.parent / "out"
    run(
        root=root,
        manifest=out / "manifest.parquet",
        problems=out / "problems.csv",
        workers=workers,
    )
    return read_manifest(out / "manifest.parquet")


def problems(root, name="problems.csv"):
    with (root.parent / "out" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_clean_set_gives_every_record_and_no_problem(root, capsys):
    records = prepare(root)
    assert [each.image for each in records] == [f"{name}.jpg" for name in NAMES]
    found = [(each.dataset, each.split, each.label) for each in records]
    assert found == [("classification", *name.split("/")[:2]) for name in NAMES]
    assert class_list(records) == ("a", "b") and problems(root) == []
    assert capsys.readouterr().out.splitlines() == [
        "classification train: 3 images, 2 classes: a 2, b 1",
        "classification val: 2 images, 2 classes: a 1, b 1",
        f"0 problems, listed in {root.parent}/out/problems.csv",
    ]


def test_workers_do_not_change_a_byte(root):
    prepare(root)
    before = (root.parent / "out/manifest.parquet").read_bytes()
    prepare(root, workers=2)
    assert (root.parent / "out/manifest.parquet").read_bytes() == before


def test_every_fault_is_in_one_list_and_the_rest_is_used(root, capsys):
    whole = (root / "train/a/1.jpg").read_bytes()
    (root / "train/a/1.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "val/b/2.jpg").write_bytes(b"")
    (root / "val/a/2.jpg").write_bytes((root / "train/a/2.jpg").read_bytes())
    save(root / "val/c/1.jpg", 7)
    records = prepare(root)
    assert [each.image for each in records] == [
        *("train/a/2.jpg", "train/b/1.jpg"),
        *("val/a/1.jpg", "val/a/2.jpg", "val/b/1.jpg"),
    ]
    found = [(row["path"].removeprefix(f"{root}/"), row["action"]) for row in problems(root)]
    assert sorted(found) == [
        ("train/a/1.jpg", "image left out"),
        ("val/a/2.jpg", "kept, makes the test easier"),
        ("val/b/2.jpg", "image left out"),
        ("val/c/1.jpg", "image left out"),
    ]
    assert f"4 problems, listed in {root.parent}/out/problems.csv" in capsys.readouterr().out


def test_nothing_usable_is_an_error_after_the_list_is_written(root):
    for path in (root / "train").glob("*/*"):
        path.write_bytes(b"")
    with pytest.raises(SppnetError, match=r"train: no usable picture; .*problems\.refused\.csv"):
        prepare(root)
    assert len(problems(root, "problems.refused.csv")) >= 3
    assert not (root.parent / "out/manifest.parquet").exists()


def test_an_empty_class_is_named_before_anything_is_decoded(root, monkeypatch):
    (root / "val/c").mkdir()
    monkeypatch.setattr(
        "sppnet.commands.prepare_image_folder.read_image_folder",
        lambda *_, **__: pytest.fail("decoded"),
    )
    with pytest.raises(SppnetError, match="val/c: empty class folder"):
        prepare(root)
