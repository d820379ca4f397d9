import json

from sppnet.report.tables import Cell, aligned, metrics, write_table


def test_metrics_leave_out_what_is_not_known():
    cells = {
        "ours": {"pool5": Cell(43.12, "%", 200, 38.12, 48.12), "time": Cell(2, "s", 9)},
        "base": {"pool5": Cell(40, "%", 9, paper=0.0, paper_origin="deck")},
    }
    assert metrics(cells)["columns"] == {
        "ours": {
            "pool5": {"value": 43.12, "unit": "%", "n": 200, "low": 38.12, "high": 48.12},
            "time": {"value": 2, "unit": "s", "n": 9},
        },
        "base": {"pool5": {"value": 40, "unit": "%", "n": 9, "paper": 0.0, "paper_origin": "deck"}},
    }


def test_the_terminal_table_is_aligned():
    lines = aligned([["", "A"], ["long row", "1.5"], ["b", "12"]]).split("\n")
    assert lines == ["            A", "long row  1.5", "b          12"]


def test_a_table_is_written_as_csv_and_json(tmp_path):
    write_table(tmp_path / "t.csv", [["", "A, B"], ["x", "1"]], tmp_path / "t.json", {"n": 1})
    assert (tmp_path / "t.csv").read_text() == ',"A, B"\nx,1\n'
    assert json.loads((tmp_path / "t.json").read_text()) == {"n": 1}
