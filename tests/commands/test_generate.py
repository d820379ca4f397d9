"""The generate command: options to plans, files and their digest."""

import json
from pathlib import Path

import pytest

from sppnet.cli import run as sppnet
from sppnet.data.scenes import tree_sha256
from sppnet.errors import SppnetError

SETTINGS: dict[str, list[float | str]] = {
    "layout": ["VOCdevkit"],
    "seed": [1],
    "images": [2, 1],
    "sides": [50, 60],
    "aspects": [1, 1.5],
    "deformation": [0.9],
    "spread": [0.8],
    "clutter": [0.7],
    "object-sides": [0.3, 0.9],
    "objects": [1, 3],
    "cut": [0.25],
    "quality": [90],
}
PAIRS = ["sides", "aspects", "object-sides", "objects"]


def run(folder: Path, settings: dict[str, list[float | str]]) -> None:
    words = ["--output", str(folder / "scenes"), "--digest", str(folder / "scenes.json")]
    for option, values in settings.items():
        words += [f"--{option}", *map(str, values)]
    sppnet(["generate", *words])


def test_flags_reach_the_plan_and_the_digest_the_file(tmp_path: Path) -> None:
    run(tmp_path, SETTINGS)
    digest = json.loads((tmp_path / "scenes.json").read_text())
    assert digest["counts"]["detection_trainval"] == 2 and digest["counts"]["detection_test"] == 1
    assert digest["sha256"] == tree_sha256(tmp_path / "scenes")
    assert digest["plan"] == {
        "seed": 1,
        "images": [2, 1],
        "aspects": [1.0, 1.5],
        "deformation": 0.9,
        "spread": 0.8,
        "clutter": 0.7,
        "quality": 90,
        "sides": [50, 60],
        "objects": [1, 3],
        "object_sides": [0.3, 0.9],
        "cut": 0.25,
    }


@pytest.mark.parametrize("flag", SETTINGS)
def test_every_setting_is_required(flag: str, tmp_path: Path) -> None:
    settings = {name: values for name, values in SETTINGS.items() if name != flag}
    with pytest.raises(SppnetError, match=f"--{flag}: missing"):
        run(tmp_path, settings)
    assert not (tmp_path / "scenes").exists()


@pytest.mark.parametrize("flag", PAIRS)
def test_a_pair_given_once_is_refused_by_name(flag: str, tmp_path: Path) -> None:
    with pytest.raises(SppnetError, match=flag):
        run(tmp_path, SETTINGS | {flag: SETTINGS[flag][:1]})


def test_a_value_out_of_range_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SppnetError, match=r"--aspects: \[1.5, 1.0\]; give the lowest value first"):
        run(tmp_path, SETTINGS | {"aspects": [1.5, 1]})
