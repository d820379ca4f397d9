import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import Field

from sppnet.config.section import Section
from sppnet.plan.jobs import per_job, requested


class Size(Section):
    size: int = Field(description="A size.")


class Cells(Section):
    cells: tuple[Size, ...]


def sized(name: str, split: str) -> Size:
    return Size(size=len(name + split))


def files(name: str, split: str) -> list[str]:
    return [f"{name}/{split}"]


def cells(count: str) -> Cells:
    return Cells(cells=[Size(size=number) for number in range(int(count))])


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def job(**wildcards):
    return SimpleNamespace(**wildcards)


def test_wildcards_become_arguments_and_settings_become_flags():
    assert per_job(sized, split="test")(job(name="ab", other="x")) == "--size 6"
    assert (
        per_job(lambda name: [sized(name, ""), Size(size=9)])(job(name="a")) == "--size 1 --size 9"
    )


def test_files_stay_files():
    assert per_job(files)(job(name="a", split="b")) == ["a/b"]
    assert per_job(lambda: "file")(job()) == "file"
    assert per_job(lambda: [])(job()) == []


def test_requests_are_named_by_their_contents():
    first, again, other = (requested(cells)(job(count=count)) for count in "112")
    assert first == again != other
    assert first.startswith("work/requests/cells-")
    assert json.loads(Path(other).read_text()) == {"cells": [{"size": 0}, {"size": 1}]}


def test_a_dry_run_names_a_request_and_writes_none(tmp_path):
    name = requested(cells, lambda: True)(job(count="1"))
    assert not list(tmp_path.iterdir())
    assert name == requested(cells)(job(count="1"))


def test_a_request_that_is_there_is_left_alone(tmp_path):
    path = tmp_path / requested(cells)(job(count="1"))
    before = path.stat().st_mtime_ns
    requested(cells)(job(count="1"))
    assert path.stat().st_mtime_ns == before
