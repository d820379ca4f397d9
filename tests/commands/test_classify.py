"""classify, from pictures to scores, and after a kill."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny_network

from sppnet import cli
from sppnet.classify import multi_view
from sppnet.classify.multi_view import MultiViewClassifier
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError
from sppnet.models.score_files import read_scores, write_scores
from sppnet.models.weights import load_tensors, save_network

IMAGES = 7


def save_weights(folder: Path, seed: int) -> None:
    network = tiny_network(seed)
    save_network(folder / "net.safetensors", network)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    records = []
    for number in range(IMAGES):
        pixels = np.random.default_rng(number).integers(0, 256, (70, 80, 3), np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        place = (path.name, str(path), 80, 70, file_sha256(path))
        records.append(ImageRecord("classification", "val", *place, "ab"[number % 2]))
    write_manifest(tmp_path / "manifest.parquet", records)
    save_weights(tmp_path, seed=0)
    return tmp_path


def run(folder: Path, name: str, positions: int = 5, threads: int = 1, more: str = "") -> bytes:
    """Run the command; the bytes of its scores."""
    words = f"""--manifest {folder}/manifest.parquet --weights {folder}/net.safetensors
        --view-set few --source maps --window 64 --positions {positions} --mirrored
        {"" if "--scales" in more else "--scales 72"}
        --work {folder}/work --scores {folder}/{name}.safetensors --metrics {folder}/{name}.json
        --device cpu --threads {threads} {more}"""
    cli.run(["classify", *words.split()])
    return (folder / f"{name}.safetensors").read_bytes()


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Images that have been scored, in parts of two."""
    images: list[np.ndarray] = []
    scores = MultiViewClassifier.scores

    def counted(self: MultiViewClassifier, image: np.ndarray) -> tuple[torch.Tensor, int]:
        images.append(image)
        return scores(self, image)

    monkeypatch.setattr(MultiViewClassifier, "scores", counted)
    monkeypatch.setattr(multi_view, "IMAGES_PER_PART", 2)
    return images


class Killed(BaseException):
    """What no stage catches."""


def kill_at_the_sixth_image(folder: Path) -> None:
    read = multi_view.read_listed

    def killed(record: ImageRecord) -> np.ndarray:
        if record.image == "5.png":
            raise Killed
        return read(record)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Killed):
        patched.setattr(multi_view, "read_listed", killed)
        run(folder, "killed")
    assert not list(folder.glob("killed.*"))


def test_scores_and_views_of_every_image(folder):
    run(folder, "whole")
    tensors, metadata = load_tensors(folder / "whole.safetensors")
    assert tensors["scores"].shape == (IMAGES, 2)
    assert tensors["labels"].tolist() == [0, 1, 0, 1, 0, 1, 0]
    images = json.loads(metadata["classification"])["images"]
    assert images == [f"{number}.png" for number in range(IMAGES)]
    report = json.loads((folder / "whole.json").read_text())
    assert (report["views"], report["images"], report["scales"]) == (10, IMAGES, [72])
    wrong = tensors["scores"].argmax(dim=1) != tensors["labels"]
    assert report["top1"]["error"] == pytest.approx(float(wrong.double().mean())) and wrong.any()
    assert report["top5"]["error"] == 0  # of two classes


def test_scores_in_bfloat16_are_near(folder, in_bfloat16):
    found = []
    for number, precision in enumerate(("full", "bfloat16")):
        run(folder, precision, more=f"--precision {precision}")
        found.append(load_tensors(folder / f"{precision}.safetensors")[0]["scores"])
        assert len(in_bfloat16) == number
    assert 0 < (found[0] - found[1]).abs().max() < 0.01


def test_killed_and_continued_gives_the_same_bytes(folder, scored):
    whole = run(folder, "whole")
    kill_at_the_sixth_image(folder)
    scored.clear()
    assert run(folder, "again") == whole
    assert len(scored) == 3  # two parts of two were finished
    assert (folder / "again.json").read_text() == (folder / "whole.json").read_text()
    assert not list((folder / "work").iterdir())


@pytest.mark.parametrize("changed", ["views", "weights", "threads"])
def test_what_decides_scores_starts_them_anew(folder, scored, changed, monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    kill_at_the_sixth_image(folder)
    if changed == "weights":
        save_weights(folder, seed=1)
    scored.clear()
    positions, threads = 9 if changed == "views" else 5, 2 if changed == "threads" else 1
    continued = run(folder, "again", positions, threads)
    assert len(scored) == IMAGES
    assert continued == run(folder, "whole", positions, threads)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--scales 60 --window 64", "--window: 64 pixels do not fit the scale 60"),
        ("--window 64", "--full: no view is left"),
        ("--scales 72 --window 64 --positions 7", "--positions"),
    ],
)
def test_views_that_do_not_exist_are_refused_before_work(flags, words):
    given = "--manifest m --weights w --view-set few --source maps --mirrored --positions 5"
    files = "--work work --scores s --metrics m"
    with pytest.raises(SppnetError, match=words) as error:
        cli.run(["classify", *f"{given} {flags} {files}".split()])
    assert "\n" not in str(error.value)


def test_scores_without_the_full_view_are_continued_to_those_with_it(folder, scored):
    run(folder, "part", more="--scales 64 72")
    run(folder, "whole", more="--scales 64 72 --full 70")
    count = len(scored)
    run(folder, "continued", more=f"--scales 64 72 --full 70 --base {folder}/part.safetensors")
    assert len(scored) == count + IMAGES
    whole, continued = (
        load_tensors(folder / f"{name}.safetensors") for name in ("whole", "continued")
    )
    torch.testing.assert_close(continued[0], whole[0])
    assert continued[1] == whole[1]
    assert not torch.equal(
        whole[0]["scores"], load_tensors(folder / "part.safetensors")[0]["scores"]
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", "--base: nothing is left to be scored"),
        ("--full 70 --scales 64", "part.safetensors: no scores of a network on these images and"),
    ],
)
def test_a_base_of_other_views_is_refused_before_any_image_is_scored(folder, scored, more, words):
    run(folder, "part")
    with pytest.raises(SppnetError, match=words):
        run(folder, "continued", more=f"{more} --base {folder}/part.safetensors")
    assert len(scored) == IMAGES
    assert not (folder / "continued.safetensors").exists()


@pytest.mark.parametrize("change", ["images", "views"])
def test_a_base_of_other_images_or_of_several_networks_is_refused(folder, scored, change):
    run(folder, "part")
    part = read_scores(folder / "part.safetensors")
    others = part.description | {"images": part.description["images"][::-1]}
    changed = {"images": replace(part, description=others), "views": replace(part, views=None)}
    write_scores(folder / "base.safetensors", changed[change])
    with pytest.raises(SppnetError, match=r"base.safetensors: no scores of a network on these im"):
        run(folder, "continued", more=f"--full 70 --base {folder}/base.safetensors")
    assert len(scored) == IMAGES


def test_a_damaged_base_is_one_line_that_names_it(folder, scored):
    base = folder / "part.safetensors"
    base.write_bytes(run(folder, "part")[:-5])
    with pytest.raises(SppnetError, match=rf"^{base}: [^\n]+$"):
        run(folder, "continued", more=f"--full 70 --base {base}")
    assert len(scored) == IMAGES
