from pathlib import Path

import pytest

import sppnet.report
from sppnet.errors import SppnetError
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.reference import PaperValue, read_reference
from sppnet.report.requests import Column
from sppnet.report.transfer_tables import (
    TransferCell,
    add_warped,
    layer_cells,
    layer_lines,
    measured_cell,
)

SHIPPED = Path(sppnet.report.__file__).parent / "reference.csv"
CROP, FULL = (
    Column(name="b", title="SPP, crop", reference="B"),
    Column(name="c", title="SPP, full", reference="C"),
)


def paper(table, row, column):
    return PaperNumber(table=table, row=row, column=column)


REFERENCE = {
    paper(6, "conv4", "B"): PaperValue(57.28, "unverified"),
    paper(6, "pool5/7_6x6", "C"): PaperValue(70.82, "unverified"),
    paper(7, "SPP_pool5/7_warped", "C"): PaperValue(89.91, "paper-text"),
}


def result(layers, **more):
    return {
        "layers": {
            name: {
                "name": f"own {name}",
                "value": 0.5 + index / 1000,
                "low": 0.4,
                "high": 0.6,
                "n": 30,
                **more,
            }
            for index, name in enumerate(layers)
        }
    }


RESULTS = {
    "b": result(("conv4", "conv5", "pool", "spp", "fc6", "fc7")),
    "c": result(("pool", "spp", "fc6", "fc7"), deviation=0.0123),
}


def test_table_6_has_no_pyramid_row_and_dashes_where_a_column_has_no_layer():
    cells = layer_cells(6, [CROP, FULL], RESULTS, REFERENCE)
    assert layer_lines(6, [CROP, FULL], cells) == [
        ["", "SPP, crop", "SPP, full"],
        ["conv4", "50.00", "-"],
        ["conv5", "50.10", "-"],
        ["pool5/7 (6x6)", "50.20", "50.00"],
        ["fc6/8", "50.40", "50.20"],
        ["fc7/9", "50.50", "50.30"],
    ]
    assert cells["b"]["conv4"] == TransferCell(
        50.0, "%", 30, 40.0, 60.0, 57.28, "unverified", None, "own conv4"
    )
    assert cells["c"]["pool"].paper == 70.82 and cells["c"]["pool"].deviation == 1.23
    assert "conv4" not in cells["c"] and cells["c"]["fc7"].paper is None


def test_table_7_has_the_pyramid_and_the_warped_images_beside_it():
    cells = layer_cells(7, [CROP, FULL], RESULTS, REFERENCE)
    plain = layer_lines(7, [CROP, FULL], cells)
    assert plain[4] == ["SPP pool5/7", "50.30", "50.10"] and len(plain) == 7
    warped = result(("conv4", "conv5", "pool", "spp"))
    add_warped(cells, FULL, warped, REFERENCE)
    lines = layer_lines(7, [CROP, FULL], cells)
    assert lines[:-1] == plain
    assert lines[-1] == ["SPP pool5/7, warped to a square", "-", "50.30"]
    assert cells["c"]["spp_warped"].paper == 89.91


@pytest.mark.parametrize(
    ("table", "printed"),
    [
        (6, {"conv4": 57.28, "conv5": 65.43, "pool": 68.76, "fc6": 75.55, "fc7": 76.45}),
        (
            7,
            {
                "conv4": 81.03,
                "conv5": 83.76,
                "pool": 87.60,
                "spp": 89.47,
                "fc6": 88.54,
                "fc7": 86.10,
            },
        ),
    ],
)
def test_every_row_stands_beside_its_row_of_the_paper(table, printed):
    """Column (b) of both tables, as printed."""
    column = Column(name="b", title="SPP, crop", reference="b_SPP_ZF5_crop224")
    cells = layer_cells(table, [column], RESULTS, read_reference(SHIPPED, table))
    assert {key: cell.paper for key, cell in cells["b"].items()} == printed


def test_other_files_are_refused_by_name():
    with pytest.raises(SppnetError, match="result of b: not a result of transfer"):
        layer_cells(6, [CROP], {"b": {"rows": {}}}, REFERENCE)
    cells = layer_cells(7, [FULL], RESULTS, REFERENCE)
    with pytest.raises(SppnetError, match="c, warped: has no layer 'spp'; there are: fc6"):
        add_warped(cells, FULL, result(("fc6",)), REFERENCE)


def test_the_value_is_the_mean_of_the_splits_beside_it():
    shares = [0.77123456, 0.8, 0.790625]
    layer = RESULTS["c"]["layers"]["spp"] | {"value": sum(shares) / 3, "splits": shares}
    cell = measured_cell(layer, None)
    assert cell.splits == [77.1235, 80, 79.0625]
    assert round(sum(cell.splits) / 3, 2) == cell.value
    assert measured_cell(RESULTS["c"]["layers"]["spp"], None).splits is None
