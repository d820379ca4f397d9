import json
from pathlib import Path

import pytest
import torch

import sppnet.report
from sppnet.errors import SppnetError
from sppnet.models.weights import save_tensors
from sppnet.report.error_tables import cell_metrics, error_table, layout
from sppnet.report.paper_numbers import PaperNumber, full_image_error, method_error, variant_error
from sppnet.report.requests import ErrorCellRequest, ErrorTableRequest
from sppnet.statistics.settings import Bootstrap

REFERENCE = Path(sppnet.report.__file__).parent / "reference.csv"
IMAGES = 200


@pytest.fixture
def scores(tmp_path):
    """Make a file of scores: of 200 images so many are named wrongly by the best score.

    A wrong image has its label fifth of six, or last where `hopeless`.
    """

    def make(name, wrong, hopeless=0, **changes):
        values = torch.tensor([0.4, 0.2, 0.15, 0.1, 0.08, 0.07]).repeat(IMAGES, 1)
        labels = torch.zeros(IMAGES, dtype=torch.int64)
        values[:wrong] = torch.tensor([0.08, 0.4, 0.2, 0.15, 0.1, 0.07])
        values[:hopeless] = torch.tensor([0.0, 0.4, 0.2, 0.2, 0.1, 0.1])
        description = {
            "classes": list("abcdef"),
            "images": [str(i) for i in range(IMAGES)],
            "view_set": "ten",
            "views": 95.7,
            "scales": [96, 128],
        } | changes
        path = tmp_path / f"{name}.safetensors"
        tensors = {"scores": values, "labels": labels}
        save_tensors(path, tensors, {"classification": json.dumps(description)})
        return path

    return make


def request(row, column, metric, paper, files):
    return ErrorCellRequest(row=row, column=column, metric=metric, paper=paper, files=files)


def build(table, cells):
    asked = ErrorTableRequest(table=table, cells=cells)
    return error_table(asked, REFERENCE, Bootstrap(bootstrap=300, seed=1))


def table2_requests(scores):
    plain = (scores("plain1", 80), scores("plain2", 90))
    single, multi = (scores("single", 70, hopeless=10),), (scores("multi", 60),)
    return [
        request(row, column, metric, variant_error(paper, column, metric), files)
        for metric in ("top5", "top1")
        for row, paper, files in (
            ("no SPP", "no_SPP", plain),
            ("SPP, one size", "SPP_single", single),
            ("SPP, two sizes", "SPP_multi", multi),
        )
        for column in ("ZF-5", "Overfeat-7")
        if (row, column) != ("no SPP", "Overfeat-7")
    ]


def test_table_2_has_two_blocks_with_gains_over_no_spp(scores):
    lines = build("2", table2_requests(scores))
    assert layout("2", lines) == [
        ["error (%)", "training", "ZF-5", "Overfeat-7"],
        ["top-1", "no SPP", "42.50", "-"],
        ["top-1", "SPP, one size", "35.00 (7.50)", "35.00"],
        ["top-1", "SPP, two sizes", "30.00 (12.50)", "30.00"],
        ["top-5", "no SPP", "0.00", "-"],
        ["top-5", "SPP, one size", "5.00 (-5.00)", "5.00"],
        ["top-5", "SPP, two sizes", "0.00 (0.00)", "0.00"],
    ]


def test_cells_carry_count_seeds_interval_and_the_papers_number(scores):
    columns = cell_metrics(build("2", table2_requests(scores)))["columns"]
    plain = columns["ZF-5"]["no SPP | top1"]
    assert (plain["value"], plain["unit"], plain["n"], plain["seeds"]) == (42.5, "%", 200, 2)
    # sd of a share of 200 images 3.5, of one of the two networks 2.5: together 4.3
    assert plain["low"] == pytest.approx(42.5 - 1.96 * 4.3, abs=1.2)
    assert plain["high"] == pytest.approx(42.5 + 1.96 * 4.3, abs=1.2)
    assert (plain["paper"], plain["paper_origin"], plain["quoted"]) == (35.99, "deck", False)
    assert "gain" not in plain
    single = columns["Overfeat-7"]["SPP, one size | top1"]
    assert single["paper"] == 30.36 and single["seeds"] == 1
    assert columns["ZF-5"]["SPP, one size | top1"]["gain"] == 7.5


def test_every_cell_is_the_mean_of_what_its_networks_show(scores):
    lines = build("2", table2_requests(scores))
    for line in lines:
        for cell in line.cells.values():
            assert len(cell.networks) == cell.seeds
            assert sum(each["value"] for each in cell.networks) / cell.seeds == cell.value
    plain = cell_metrics(lines)["columns"]["ZF-5"]["no SPP | top1"]["networks"]
    assert [each["value"] for each in plain] == [40, 45]
    folder = scores("plain1", 80).parent.name
    assert [each["file"] for each in plain] == [f"{folder}/plain1", f"{folder}/plain2"]


def test_table_3_by_model_and_training(scores):
    crop, full = scores("crop", 75), scores("full", 74)
    rows = [
        request(
            "ZF-5 | single-size",
            f"1 {view}",
            "top1",
            full_image_error("ZF-5", "single", view),
            (file,),
        )
        for view, file in (("crop", crop), ("full", full))
    ]
    lines = build("3", rows)
    assert layout("3", lines) == [
        ["model", "train", "1 crop", "1 full"],
        ["ZF-5", "single-size", "37.50", "37.00"],
    ]
    assert lines[0].cells["1 full"].paper == 37.55


def test_table_4_quotes_the_paper_in_order_and_adds_ours(scores):
    file = scores("views", 60, hopeless=20)
    rows = [
        request("ours", "top-1 val", "top1", method_error("SPP_O-7", 6, "top1"), (file,)),
        request("ours", "top-5 val", "top5", method_error("SPP_O-7", 1, "top5"), (file,)),
    ]
    lines = build("4", rows)
    text = layout("4", lines)
    assert text[0] == ["method", "scales", "views", "top-1 val", "top-5 val", "top-5 test"]
    assert [line[:2] for line in text[1:4]] == [
        ["Krizhevsky", "1"],
        ["Overfeat_fast", "1"],
        ["Overfeat_fast", "6"],
    ]
    assert text[-4] == ["Chatfield", "1", "10", "-", "13.10", "-"]
    assert text[-2] == ["SPP_O-7", "6", "96+2full", "27.86", "9.14", "9.08"]
    assert text[-1] == ["ours", "2", "95.7", "30.00", "10.00", "-"]
    quoted = cell_metrics(lines)["columns"]["top-5 val"]["Chatfield"]
    assert quoted["quoted"] and "networks" not in quoted
    assert len({line.key for line in lines}) == len(lines) == 12
    columns = cell_metrics(lines)["columns"]
    quoted = columns["top-1 val"]["Overfeat_fast, 6 scales"]
    assert quoted["quoted"] and quoted["value"] == quoted["paper"] == 38.12
    assert "n" not in quoted and quoted["paper_origin"] == "deck"
    assert columns["top-1 val"]["ours"]["paper"] == 27.86
    assert columns["top-5 val"]["ours"]["paper"] == 10.95


def test_table_5_says_how_many_models_are_combined(scores):
    file = scores("combined", 60, hopeless=20, models=11)
    number = PaperNumber(table=5, row="ours", column="top5_test")
    lines = build("5", [request("ours", "top-5 val", "top5", number, (file,))])
    text = layout("5", lines)
    assert text[0] == ["rank", "team", "top-5 test", "top-5 val"]
    assert text[3] == ["3", "ours", "8.06", "-"]
    assert text[-1] == ["-", "ours (this run, 11 models combined)", "-", "10.00"]


def test_ablations_stand_beside_rows_of_table_2(scores):
    rows = [
        request(title, "ZF-5", "top1", variant_error(paper, "ZF-5", "top1"), (file,))
        for title, paper, file in (
            ("50 bins", "SPP_single", scores("a", 60)),
            ("30 bins", "SPP_30bins", scores("b", 62)),
        )
    ]
    lines = build("ablations", rows)
    assert layout("ablations", lines)[1:] == [
        ["top-1", "50 bins", "30.00"],
        ["top-1", "30 bins", "31.00"],
    ]
    assert [line.cells["ZF-5"].paper for line in lines] == [34.98, 35.06]


def test_unfit_cells_are_named(scores):
    file = (scores("a", 60),)
    good = request("no SPP", "ZF-5", "top1", None, file)
    with pytest.raises(SppnetError, match="given twice"):
        build("2", [good, good])
    with pytest.raises(SppnetError, match=r"the paper has no 'x \| top1', 'ZF-5'"):
        build("2", [request("no SPP", "ZF-5", "top1", variant_error("x", "ZF-5", "top1"), file)])
    with pytest.raises(SppnetError, match=r"model \| train"):
        build("3", [request("ZF-5", "1 crop", "top1", None, file)])
