"""Configurations on Snakemake's command line are refused in one line with the cure."""

from pathlib import Path

import pytest

from sppnet.errors import SppnetError
from sppnet.plan.command_line import check_configurations


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/mini.yaml").write_text("paths: {}\n")
    Path("t.csv").touch()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--cores 2 t.csv",
        "--configfile config/mini.yaml",
        "--configfile=config/mini.yaml t.csv",
        "--configfile config/mini.yaml --cores 2 t.csv",
        "--configfile config/mini.yaml -- t.csv",
        "-- --configfile nothing.yaml",
    ],
)
def test_what_snakemake_can_read_is_let_by(line):
    check_configurations(line.split())


@pytest.mark.parametrize("target", ["t.csv", "missing.csv", "a_rule"])
def test_a_swallowed_target_gets_its_separator(target):
    with pytest.raises(SppnetError, match=f"{target}: .*--configfile config/mini.yaml -- {target}"):
        check_configurations(["--configfile", "config/mini.yaml", target, "--cores", "2"])


def test_a_mistyped_configuration_is_told_from_those_that_are_there():
    with pytest.raises(SppnetError, match=r"config/min\.yaml: no such .*: config/mini\.yaml"):
        check_configurations(["--configfile", "config/min.yaml", "--", "t.csv"])
    with pytest.raises(SppnetError, match=r"t\.csv: no configuration"):
        check_configurations(["--configfile", "t.csv"])


@pytest.mark.parametrize("words", [[], ["--configfile", "config/mini.yaml"]])
def test_an_error_of_yaml_has_its_line(words):
    Path("config/mini.yaml").write_text("paths:\n  a: 1\n b: 2\n")
    with pytest.raises(SppnetError, match=r"config/mini\.yaml, line 3: no YAML: "):
        check_configurations(words)
