"""Outputs are looked at before a command begins to work."""

import os
from importlib import import_module
from inspect import signature
from typing import get_type_hints

import pytest

from sppnet import cli
from sppnet.cli import COMMANDS
from sppnet.commands import prepare_voc
from sppnet.commands.options import Written, WrittenFolder
from sppnet.errors import SppnetError

# Commands that write nowhere, or find out where before they work.
NO_OUTPUT = {"show", "download", "verify"}


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Prepare a set; what would be read is noted instead."""
    reads = []
    monkeypatch.setattr(prepare_voc, "read_voc", lambda *read, **settings: reads.append(read))

    def run(manifest, problems):
        words = ["--voc", str(tmp_path), "--trainval", "a", "--test", "b"]
        try:
            cli.run(
                ["prepare-voc", *words, "--manifest", str(manifest), "--problems", str(problems)]
            )
        finally:
            assert not reads

    return run


def test_an_output_below_a_file_is_refused_before_any_work(tmp_path, prepare):
    (tmp_path / "file").touch()
    with pytest.raises(SppnetError, match=r"file/a/m\.parquet: \S+/file is not a folder; choose"):
        prepare(tmp_path / "file" / "a" / "m.parquet", tmp_path / "p.csv")
    with pytest.raises(SppnetError, match=r"file/p\.csv: \S+/file is not a folder; choose"):
        prepare(tmp_path / "m.parquet", tmp_path / "file" / "p.csv")


def test_a_folder_in_the_place_of_an_output_is_refused_before_any_work(tmp_path, prepare):
    (tmp_path / "m.parquet").mkdir()
    with pytest.raises(SppnetError, match=r"m\.parquet: is a folder; name a file"):
        prepare(tmp_path / "m.parquet", tmp_path / "p.csv")


def test_a_folder_without_permission_is_refused_before_any_work(tmp_path, prepare, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / "closed")
    (tmp_path / "closed").mkdir()
    with pytest.raises(SppnetError, match=r"a/p\.csv: cannot write in \S+/closed; permit"):
        prepare(tmp_path / "m.parquet", tmp_path / "closed" / "a" / "p.csv")


def test_new_folders_and_relative_names_are_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.csv").touch()
    check = Written.__metadata__[0].validator[0]
    for path in ("m.parquet", "new/folder/m.parquet", "old.csv"):
        check(None, tmp_path.__class__(path))
    assert {path.name for path in tmp_path.iterdir()} == {"old.csv"}


@pytest.mark.parametrize("verb", sorted(set(COMMANDS) - NO_OUTPUT))
def test_every_command_looks_at_its_outputs(verb):
    run = import_module(COMMANDS[verb]).run
    hints = get_type_hints(run, include_extras=True)
    checks = {Written.__metadata__[0], WrittenFolder.__metadata__[0]}
    checked = {
        name
        for name in signature(run).parameters
        if checks & set(getattr(hints[name], "__metadata__", ()))
    }
    assert checked
    assert {"output", "report", "history", "metrics", "problems", "work"} & set(hints) <= checked
