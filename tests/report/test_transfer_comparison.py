from pathlib import Path

import pytest

import sppnet
from sppnet.errors import SppnetError
from sppnet.report.reference import PaperRow, read_paper_rows
from sppnet.report.requests import Column
from sppnet.report.tables import metrics
from sppnet.report.transfer_comparison import (
    QuotedCell,
    comparison_cells,
    comparison_lines,
)

COLUMNS = [
    Column(name="v", title="VOC 2007", reference="voc07"),
    Column(name="k", title="Caltech-101", reference="caltech101"),
]
PAPER = [
    PaperRow(
        "VQ", {"voc07": "56.07", "caltech101": "74.41+-1.0"}, {"voc07": "a", "caltech101": "b"}
    ),
    PaperRow("ZF", {"voc07": "75.90 (own impl.)"}, {"voc07": "c"}),
    PaperRow(
        "ours", {"voc07": "82.44", "caltech101": "93.42+-0.5"}, {"voc07": "d", "caltech101": "e"}
    ),
]


def layer(value, **more):
    return {"name": "own", "value": value, "low": 0.1, "high": 0.9, "n": 7, **more}


RESULTS = {
    "v": {"layers": {"fc7": layer(0.5), "spp": layer(0.7)}},
    "k": {"layers": {"fc7": layer(0.8), "spp": layer(0.6, deviation=0.0149)}},
}


def test_quoted_rows_are_marked_and_ours_is_the_named_layer_not_the_best():
    cells = comparison_cells(COLUMNS, RESULTS, ["fc7", "spp"], PAPER)
    assert comparison_lines(COLUMNS, cells, PAPER) == [
        ["", "VOC 2007", "Caltech-101"],
        ["VQ (quoted)", "56.07", "74.41+-1.0"],
        ["Zeiler & Fergus (quoted)", "75.90 (own impl.)", "-"],
        ["SPP-net (ours, on 7, 7 images)", "50.00", "60.00+-1.5"],
    ]
    assert cells["k"]["VQ"] == QuotedCell("74.41+-1.0", 74.41, "b", 1.0)
    ours = metrics(cells)["columns"]["k"]["ours"]
    assert (ours["paper"], ours["paper_origin"], ours["deviation"]) == (93.42, "e", 1.49)
    assert "quoted" not in ours and metrics(cells)["columns"]["v"]["ZF"]["quoted"]


def test_a_layer_that_was_not_measured_is_named():
    with pytest.raises(SppnetError, match="result of v: has no layer 'fc6'"):
        comparison_cells(COLUMNS, RESULTS, ["fc6", "spp"], PAPER)


def test_a_quoted_text_needs_a_number():
    broken = [PaperRow("VQ", {"voc07": "good"}, {"voc07": "a"})]
    with pytest.raises(SppnetError, match="'good' does not begin with a number"):
        comparison_cells(COLUMNS[:1], RESULTS, ["fc7"], broken)


def test_the_papers_own_rows_can_be_read():
    paper = read_paper_rows(Path(sppnet.__file__).parent / "report/reference.csv", 8)
    cells = comparison_cells(COLUMNS, RESULTS, ["fc7", "spp"], paper)
    lines = comparison_lines(COLUMNS, cells, paper)
    assert [line[0] for line in lines[1:]] == [
        *(f"{name} (quoted, unverified)" for name in ("VQ", "LLC", "FK", "DeCAF")),
        "Zeiler & Fergus (quoted, VOC 2007 unverified)",
        "Oquab et al. (quoted)",
        "Chatfield et al. (quoted)",
        "SPP-net (ours, on 7, 7 images)",
    ]
    assert cells["v"]["ours"].paper == 82.44 and lines[4][1] == "-"
