from pathlib import Path

import numpy as np
import pytest

import sppnet.report
from sppnet.errors import SppnetError
from sppnet.report.detection_table import layout, table9_cells
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.reference import PaperValue, read_reference
from sppnet.report.requests import DetectionColumn
from sppnet.report.tables import Cell
from sppnet.statistics.settings import Bootstrap

SHIPPED = Path(sppnet.report.__file__).parent / "reference.csv"
COLUMNS = [
    DetectionColumn(name=name, title=title, reference=reference, evaluation="evaluation.json")
    for name, title, reference in (
        ("ours", "SPP (1-sc)", "SPP_1sc_ZF5"),
        ("base", "R-CNN", "RCNN_Alex5"),
    )
]


def paper(row, column):
    return PaperNumber(table=9, row=row, column=column)


REFERENCE = {
    paper("ftfc7bb", "SPP_1sc_ZF5"): PaperValue(58.0, "deck"),
    paper("conv_s", "SPP_1sc_ZF5"): PaperValue(0.053, "deck"),
    paper("speedup", "SPP_1sc_ZF5"): PaperValue(64.0, "deck"),
}


def evaluation(images, first):
    names = ("pool5", "fc6", "ftfc6", "ftfc7", "ftfc7 bb")
    rows = {
        name: {"map": first + i / 100, "low": first - 0.05, "high": first + 0.05, "ap": {}}
        for i, name in enumerate(names)
    }
    return {"images": images, "classes": 2, "rows": rows}


def seconds(median):
    """Twenty images; most take the median, two much less or more."""
    return {"median": median, "each": [median / 9, *[median] * 18, median * 9]}


def timing():
    return {
        "images": 20,
        "columns": {
            "ours": {"conv": seconds(0.0531), "fc": seconds(0.089), "total": seconds(0.1421)},
            "base": {"conv": seconds(8.961), "fc": seconds(0.07), "total": seconds(9.031)},
        },
    }


def cells(**changes):
    values = {
        "evaluations": {"ours": evaluation(200, 0.4312), "base": evaluation(40, 0.4)},
        "timing": timing(),
        "reference": REFERENCE,
    } | changes
    return table9_cells(
        COLUMNS, baseline="base", bootstrap=Bootstrap(bootstrap=200, seed=1), **values
    )


def test_cells_carry_unit_count_interval_and_the_papers_number():
    found = cells()
    assert found["ours"]["pool5"] == Cell(43.12, "%", 200, 38.12, 48.12)
    assert found["ours"]["ftfc7_bb"] == Cell(47.12, "%", 200, 38.12, 48.12, 58.0, "deck")
    assert found["ours"]["conv_time"] == Cell(0.0531, "s", 20, 0.0531, 0.0531, 0.053, "deck")
    # 9.031 / 0.1421 = 63.55...
    assert found["ours"]["speedup"] == Cell(63.55, "x", 20, 63.55, 63.55, 64.0, "deck")
    assert found["base"]["fc6"].n == 40
    assert found["base"]["speedup"].value == 1.0


def test_every_row_stands_beside_its_row_of_the_paper():
    """The first column of Table 9, as printed."""
    found = cells(reference=read_reference(SHIPPED, 9))["ours"]
    assert {key: cell.paper for key, cell in found.items()} == {
        "pool5": 43.0,
        "fc6": 42.5,
        "ftfc6": 52.3,
        "ftfc7": 54.5,
        "ftfc7_bb": 58.0,
        "conv_time": 0.053,
        "fc_time": 0.089,
        "total_time": 0.142,
        "speedup": 64,
    }


def test_a_speedup_is_the_ratio_of_medians():
    """By the means it would be 9 for 4, by the shortest and the longest time 1/2 and 20."""
    ours = {"each": [1.0, 2.0, 2.0, 2.0, 3.0]}
    base = {"each": [0.5, 8.0, 8.0, 8.0, 60.0]}
    times = timing()
    times["columns"]["ours"]["total"], times["columns"]["base"]["total"] = ours, base
    found = cells(timing=times)
    assert found["ours"]["speedup"].value == 4.0
    assert (found["ours"]["total_time"].value, found["base"]["total_time"].value) == (2.0, 8.0)


def test_the_papers_speedup_stands_only_beside_its_baseline():
    found = table9_cells(
        COLUMNS,
        {"ours": evaluation(9, 0.4), "base": evaluation(9, 0.4)},
        timing(),
        REFERENCE,
        baseline="ours",
        bootstrap=Bootstrap(bootstrap=10, seed=1),
    )
    assert found["ours"]["ftfc7_bb"].paper == 58.0
    assert found["ours"]["speedup"].paper is None
    assert layout(COLUMNS, found, baseline="ours")[-1] == ["speedup (vs. SPP)", "-", "0.0x"]


def test_intervals_of_times_draw_the_same_images_on_both_sides():
    generator = np.random.default_rng(0)
    fast, slow = timing()["columns"].values()
    ours = generator.uniform(1, 2, 20)
    columns = {"ours": dict(fast), "base": dict(slow)}
    columns["ours"]["total"] = {"each": ours.tolist()}
    columns["base"]["total"] = {"each": (7 * ours).tolist()}
    found = cells(timing={"images": 20, "columns": columns})["ours"]
    assert (found["speedup"].low, found["speedup"].high) == (7.0, 7.0)
    total = found["total_time"]
    assert ours.min() < total.low < total.value < total.high < ours.max()


def test_layout_as_in_the_paper():
    assert layout(COLUMNS, cells(), baseline="base") == [
        ["", "SPP (1-sc)", "R-CNN"],
        ["pool5", "43.1", "40.0"],
        ["fc6", "44.1", "41.0"],
        ["ftfc6", "45.1", "42.0"],
        ["ftfc7", "46.1", "43.0"],
        ["ftfc7 bb", "47.1", "44.0"],
        ["conv time", "0.0531", "8.96"],
        ["fc time", "0.0890", "0.0700"],
        ["total time", "0.142", "9.03"],
        ["speedup (vs. R-CNN)", "64x", "-"],
    ]


@pytest.mark.parametrize(
    ("total", "text"), [(9.031, "1.0x"), (1.0, "9.0x"), (0.5, "18x"), (100.0, "0.1x")]
)
def test_speedups_have_two_digits_at_most_below_ten(total, text):
    times = timing()
    times["columns"]["ours"]["total"] = seconds(total)
    assert layout(COLUMNS, cells(timing=times), baseline="base")[-1][1] == text


def test_long_times_are_whole_seconds():
    times = timing()
    times["columns"]["base"]["total"] = seconds(123.4)
    assert layout(COLUMNS, cells(timing=times), baseline="base")[-2][2] == "123"


def test_a_missing_row_or_column_is_named():
    broken = evaluation(200, 0.4)
    del broken["rows"]["ftfc7 bb"]
    with pytest.raises(SppnetError, match=r"evaluation of ours: has no rows\.ftfc7 bb"):
        cells(evaluations={"ours": broken, "base": evaluation(40, 0.4)})
    times = timing()
    del times["columns"]["base"]
    with pytest.raises(SppnetError, match=r"timing: has no columns\.base"):
        cells(timing=times)
