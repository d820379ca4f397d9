import csv
import json
import shlex

import pytest

from sppnet import cli
from sppnet.config.section import flags
from sppnet.errors import SppnetError
from sppnet.report.written_tables import read_table

ROWS = ("pool5", "fc6", "ftfc6", "ftfc7", "ftfc7 bb")


def run(arguments):
    cli.run(["tabulate-detection", *shlex.split(flags(arguments))])


@pytest.fixture
def arguments(tmp_path):
    part = {"each": [1.0, 2.0, 3.0]}
    times = {"conv": part, "fc": part, "total": {"each": [3.0, 4.0, 5.0]}}
    fast = {"conv": part, "fc": part, "total": {"each": [0.4, 0.5, 0.6]}}
    request = []
    for name, title, paper, images, value in (
        ("spp", "SPP, one scale", "S", 7, 0.5),
        ("rcnn", "R-CNN", None, 9, 0.3),
    ):
        rows = {row: {"map": value, "low": value - 0.1, "high": value + 0.1} for row in ROWS}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"images": images, "rows": rows}))
        about = {"name": name, "title": title, "reference": paper, "evaluation": str(path)}
        request.append(about)
    (tmp_path / "columns.json").write_text(json.dumps({"columns": request}))
    columns = {"spp": fast, "rcnn": times}
    (tmp_path / "timing.json").write_text(json.dumps({"images": 3, "columns": columns}))
    (tmp_path / "reference.csv").write_text(
        'table,row,column,value,origin\n9,ftfc7bb,S,59.2,"unverified, means agree"\n'
    )
    return {
        "columns": tmp_path / "columns.json",
        "timing": tmp_path / "timing.json",
        "baseline": "rcnn",
        "bootstrap": 50,
        "seed": 1,
        "reference": tmp_path / "reference.csv",
        "csv": tmp_path / "out/table9.csv",
        "json": tmp_path / "out/table9.json",
    }


def test_table_metadata_and_terminal_agree(arguments, capsys):
    run(arguments)
    with arguments["csv"].open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["", "SPP, one scale", "R-CNN"]
    assert table[5] == ["ftfc7 bb", "50.0", "30.0"]
    assert table[9] == ["speedup (vs. R-CNN)", "8.0x", "-"]
    assert b"\r" not in arguments["csv"].read_bytes()
    assert all(cell.is_shown for cell in read_table(arguments["csv"]).values())
    metadata = json.loads(arguments["json"].read_text())["columns"]
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


def test_a_column_needs_its_heading(arguments):
    request = json.loads(arguments["columns"].read_text())
    del request["columns"][1]["title"]
    arguments["columns"].write_text(json.dumps(request))
    with pytest.raises(SppnetError, match=r"columns\.json: columns\.1\.title"):
        run(arguments)
    assert not arguments["csv"].exists()


def test_a_missing_evaluation_is_named(arguments, tmp_path):
    (tmp_path / "rcnn.json").unlink()
    with pytest.raises(SppnetError, match=r"rcnn\.json"):
        run(arguments)


def test_a_detector_that_finds_nothing_has_its_cells(arguments, tmp_path):
    rows = {name: {"map": 0, "low": 0, "high": 0} for name in ROWS}
    (tmp_path / "spp.json").write_text(json.dumps({"images": 7, "rows": rows}))
    run(arguments)
    with arguments["csv"].open(newline="") as file:
        assert [line[1:] for line in csv.reader(file)][1:6] == [["0.0", "30.0"]] * 5
    cell = json.loads(arguments["json"].read_text())["columns"]["spp"]["fc6"]
    assert cell == {"value": 0, "unit": "%", "n": 7, "low": 0, "high": 0}
