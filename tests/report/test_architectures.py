import pytest

from sppnet.errors import SppnetError
from sppnet.report.architectures import (
    Stage,
    measured_stages,
    read_table1,
    stacked,
    table1_lines,
    table1_metadata,
    unmet,
)

PAPER = ("zf5", "convnet5", "overfeat5", "overfeat7")
# Table 1 as printed: filters, kernel, stride, what follows, map.
PRINTED = {
    "ZF-5": [
        "96 x 7x7, str 2 | LRN, pool 3x3, str 2 | map 55x55",
        "256 x 5x5, str 2 | LRN, pool 3x3, str 2 | map 27x27",
        "384 x 3x3 | map 13x13",
        "384 x 3x3 | map 13x13",
        "256 x 3x3 | map 13x13",
        "-",
        "-",
    ],
    "Convnet*-5": [
        "96 x 11x11, str 4 | LRN | map 55x55",
        "256 x 5x5 | LRN, pool 3x3, str 2 | map 27x27",
        "384 x 3x3 | pool 3x3, str 2 | map 13x13",
        "384 x 3x3 | map 13x13",
        "256 x 3x3 | map 13x13",
        "-",
        "-",
    ],
    "Overfeat-5/7": [
        "96 x 7x7, str 2 | pool 3x3, str 3, LRN | map 36x36",
        "256 x 5x5 | pool 2x2, str 2 | map 18x18",
        "512 x 3x3 | map 18x18",
        "512 x 3x3 | map 18x18",
        "512 x 3x3 | map 18x18",
        "512 x 3x3 | map 18x18 (overfeat7 only)",
        "512 x 3x3 | map 18x18 (overfeat7 only)",
    ],
}


@pytest.fixture(scope="module")
def stages():
    return {backbone: measured_stages(backbone, 224) for backbone in PAPER}


def test_every_cell_is_the_papers_but_two(stages):
    heading, *lines = table1_lines(stages)
    assert heading == ["", *(f"conv{index}" for index in range(1, 8))]
    assert [line[0] for line in lines] == list(PRINTED)
    different = {
        (title, heading[column]): cells[column - 1]
        for title, *cells in lines
        for column in range(1, 8)
        if cells[column - 1] != PRINTED[title][column - 1]
    }
    assert different == {
        # padding 0 as released; 27 needs padding 1
        ("ZF-5", "conv2"): "256 x 5x5, str 2 | LRN, pool 3x3, str 2 | map 26x26",
        # no padding gives 36
        ("Overfeat-5/7", "conv1"): "96 x 7x7, str 2 | pool 3x3, str 3, LRN | map 37x37",
    }


def test_unmet_sizes_are_said(stages):
    assert unmet(stages) == [
        "zf5 conv2: map 26x26 before pooling, the paper prints 27x27",
        "overfeat5 conv1: map 37x37 after pooling, the paper prints 36x36",
        "overfeat7 conv1: map 37x37 after pooling, the paper prints 36x36",
    ]


def test_every_number_of_table_1_has_its_stage(stages):
    paper = read_table1()
    found = {(name, f"conv{i}") for name in PAPER for i in range(1, len(stages[name]) + 1)}
    assert found == set(paper)
    assert {size.origin for size in paper.values()} == {"deck"}


def test_the_metadata_has_both_sizes_and_the_papers(stages):
    metadata = table1_metadata(stages, 224)
    assert metadata["input_size"] == 224
    assert metadata["backbones"]["zf5"]["conv2"] == {
        "filters": 256,
        "kernel": 5,
        "stride": 2,
        "padding": 0,
        "then": ("LRN", "pool 3x3, str 2"),
        "map_before_pooling": 26,
        "map_after_pooling": 13,
        "paper": 27,
        "paper_counted": "before pooling",
        "paper_origin": "deck",
        "met": False,
    }
    met = {
        (name, stage)
        for name, each in metadata["backbones"].items()
        for stage, values in each.items()
        if values["met"]
    }
    assert met == set(read_table1()) - {
        ("zf5", "conv2"),
        ("overfeat5", "conv1"),
        ("overfeat7", "conv1"),
    }


def test_other_inputs_and_other_chains_have_no_paper():
    small, other = measured_stages("zf5", 180), measured_stages("alex5", 224)
    assert [stage.side for stage in small] == [44, 10, 10, 10, 10]
    assert {stage.met for stage in small + other} == {None}
    assert unmet({"zf5": small}) == []
    assert "paper" not in table1_metadata({"zf5": small}, 180)["backbones"]["zf5"]["conv1"]
    assert table1_lines({"alex5": other})[1][0] == "alex5"


def test_stacked_cells_line_up():
    assert stacked([["", "conv1"], ["ZF-5", "a | b | c"]]) == [
        ["", "conv1"],
        ["ZF-5", "a"],
        ["", "b"],
        ["", "c"],
    ]


def test_text_of_a_stage_without_pooling():
    assert Stage(8, 3, 1, 1, (), 5, 5).text == "8 x 3x3 | map 5x5"


@pytest.mark.parametrize(
    ("backbone", "size", "part"),
    [
        ("squeezenet", 224, "squeezenet has a Fire"),
        ("nothing", 224, "'nothing' is unknown"),
        ("zf5", 9, "9 x 9 pixels"),
    ],
)
def test_what_cannot_be_laid_out(backbone, size, part):
    with pytest.raises(SppnetError, match=part):
        measured_stages(backbone, size)
