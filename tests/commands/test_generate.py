"""The generate command: flags to plans, files and their digest."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sppnet.cli import build
from sppnet.data.scenes import tree_sha256
from sppnet.errors import SppnetError

SETTINGS: dict[str, list[float | str]] = {
    "layout": ["VOCdevkit"],
    "seed": [1],
    "images": [2, 1],
    "sides": [50, 60],
    "aspects": [1, 1.5],
    "object-sides": [0.3, 0.9],
    "objects": [1, 3],
    "cut": [0.25],
    "quality": [90],
}
PAIRS = ["sides", "aspects", "object-sides", "objects"]


def run(folder: Path, settings: dict[str, list[float | str]]) -> Result:
    words = ["--output", str(folder / "scenes"), "--digest", str(folder / "scenes.json")]
    for flag, values in settings.items():
        words += [word for value in values for word in (f"--{flag}", str(value))]
    app = build(["generate"])
    return CliRunner().invoke(app, ["generate", *words], catch_exceptions=False)


def test_flags_reach_the_plan_and_the_digest_the_file(tmp_path: Path) -> None:
    assert run(tmp_path, SETTINGS).exit_code == 0
    digest = json.loads((tmp_path / "scenes.json").read_text())
    assert digest["seed"] == 1
    assert digest["counts"]["detection_trainval"] == 2 and digest["counts"]["detection_test"] == 1
    assert digest["sha256"] == tree_sha256(tmp_path / "scenes")
    assert digest["plan"] == {
        "aspects": [1.0, 1.5],
        "quality": 90,
        "sides": [50, 60],
        "objects": [1, 3],
        "object_sides": [0.3, 0.9],
        "cut": 0.25,
    }


@pytest.mark.parametrize("flag", SETTINGS)
def test_every_setting_is_required(flag: str, tmp_path: Path) -> None:
    settings = {name: values for name, values in SETTINGS.items() if name != flag}
    assert run(tmp_path, settings).exit_code == 2
    assert not (tmp_path / "scenes").exists()


@pytest.mark.parametrize("flag", PAIRS)
def test_a_pair_given_once_is_refused_by_name(flag: str, tmp_path: Path) -> None:
    with pytest.raises(SppnetError, match=f"--{flag}: give it twice"):
        run(tmp_path, SETTINGS | {flag: SETTINGS[flag][:1]})
