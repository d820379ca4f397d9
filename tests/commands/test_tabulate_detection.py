import csv
import json

import pytest

from sppnet.commands.tabulate_detection import run
from sppnet.errors import SppnetError

ROWS = ("pool5", "fc6", "ftfc6", "ftfc7", "ftfc7 bb")


@pytest.fixture
def arguments(tmp_path):
    part = {"each": [1.0, 2.0, 3.0]}
    times = {"conv": part, "fc": part, "total": {"each": [3.0, 4.0, 5.0]}}
    fast = {"conv": part, "fc": part, "total": {"each": [0.4, 0.5, 0.6]}}
    evaluations = []
    for name, images, value in (("spp", 7, 0.5), ("rcnn", 9, 0.3)):
        rows = {row: {"map": value, "low": value - 0.1, "high": value + 0.1} for row in ROWS}
        evaluations.append(tmp_path / f"{name}.json")
        evaluations[-1].write_text(json.dumps({"images": images, "rows": rows}))
    columns = {"spp": fast, "rcnn": times}
    (tmp_path / "timing.json").write_text(json.dumps({"images": 3, "columns": columns}))
    (tmp_path / "reference.csv").write_text(
        'table,row,column,value,origin\n9,ftfc7bb,S,59.2,"unverified, means agree"\n'
    )
    return {
        "column": ["spp", "rcnn"],
        "title": ["SPP, one scale", "R-CNN"],
        "reference_column": ["S", "none"],
        "evaluation": evaluations,
        "timing": tmp_path / "timing.json",
        "baseline": "rcnn",
        "bootstrap": 50,
        "seed": 1,
        "reference": tmp_path / "reference.csv",
        "table": tmp_path / "out/table9.csv",
        "cells": tmp_path / "out/table9.json",
    }


def test_table_metadata_and_terminal_agree(arguments, capsys):
    run(**arguments)
    with arguments["table"].open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["", "SPP, one scale", "R-CNN"]
    assert table[5] == ["ftfc7 bb", "50.0", "30.0"]
    assert table[9] == ["speedup (vs. R-CNN)", "8.0x", "-"]
    assert b"\r" not in arguments["table"].read_bytes()
    metadata = json.loads(arguments["cells"].read_text())["columns"]
    assert metadata["spp"]["ftfc7_bb"] == {
        "value": 50.0,
        "unit": "%",
        "n": 7,
        "low": 40.0,
        "high": 60.0,
        "paper": 59.2,
        "paper_origin": "unverified, means agree",
    }
    other = {"value": 30.0, "unit": "%", "n": 9, "low": 20.0, "high": 40.0}
    assert metadata["rcnn"]["ftfc7_bb"] == other
    assert capsys.readouterr().out.splitlines()[5].split() == ["ftfc7", "bb", "50.0", "30.0"]


def test_flags_must_come_once_per_column(arguments):
    arguments["title"] = ["one"]
    with pytest.raises(SppnetError, match="--title"):
        run(**arguments)
    assert not arguments["table"].exists()


def test_a_missing_evaluation_is_named(arguments, tmp_path):
    arguments["evaluation"][1] = tmp_path / "absent.json"
    with pytest.raises(SppnetError, match=r"absent\.json"):
        run(**arguments)


def test_a_detector_that_finds_nothing_has_its_cells(arguments):
    rows = {name: {"map": 0, "low": 0, "high": 0} for name in ROWS}
    arguments["evaluation"][0].write_text(json.dumps({"images": 7, "rows": rows}))
    run(**arguments)
    with arguments["table"].open(newline="") as file:
        assert [line[1:] for line in csv.reader(file)][1:6] == [["0.0", "30.0"]] * 5
    cell = json.loads(arguments["cells"].read_text())["columns"]["spp"]["fc6"]
    assert cell == {"value": 0, "unit": "%", "n": 7, "low": 0, "high": 0}
