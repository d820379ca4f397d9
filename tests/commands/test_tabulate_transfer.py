import csv
import json

import numpy as np
import pytest

from sppnet.commands.tabulate_transfer import run
from sppnet.errors import SppnetError

LAYERS = ("pool", "spp", "fc6", "fc7")


@pytest.fixture
def arguments(tmp_path):
    results = {}
    for name, images, first in (("c", 9, 0.5), ("d", 7, 0.6), ("warped", 9, 0.3)):
        layers = {
            layer: {"name": "own", "value": value, "low": value - 0.1, "high": 0.9, "n": images}
            for layer, value in zip(LAYERS, first + np.arange(4) / 100, strict=True)
        }
        results[name] = tmp_path / f"{name}.json"
        results[name].write_text(json.dumps({"layers": layers}))
    (tmp_path / "reference.csv").write_text(
        "table,row,column,value,origin\n7,SPP_pool5/7,C,91.44,text\n8,VQ,C,56.0+-1.0,memory\n"
    )
    return {
        "column": ["c", "d"],
        "title": ["SPP, full", "Overfeat"],
        "reference_column": ["C", "none"],
        "result": [results["c"], results["d"]],
        "reference": tmp_path / "reference.csv",
        "csv_path": tmp_path / "out/table.csv",
        "cells": tmp_path / "out/table.json",
    }


def table(arguments):
    with arguments["csv_path"].open(newline="") as file:
        return list(csv.reader(file))


def test_table_7_with_warped_images(arguments, capsys):
    warped = arguments["result"][0].with_name("warped.json")
    run(table=7, warped=warped, warped_column="c", **arguments)
    assert table(arguments)[0] == ["", "SPP, full", "Overfeat"]
    assert table(arguments)[4] == ["SPP pool5/7", "51.00", "61.00"]
    assert table(arguments)[-1] == ["SPP pool5/7, warped to a square", "31.00", "-"]
    metadata = json.loads(arguments["cells"].read_text())["columns"]
    assert metadata["c"]["spp"]["paper"] == 91.44 and metadata["c"]["spp"]["layer"] == "own"
    assert "SPP, full" in capsys.readouterr().out


def test_table_6_and_8(arguments):
    run(table=6, **arguments)
    assert table(arguments)[3:] == [
        ["pool5/7 (6x6)", "50.00", "60.00"],
        ["fc6/8", "52.00", "62.00"],
        ["fc7/9", "53.00", "63.00"],
    ]
    run(table=8, layer=["fc7", "spp"], **arguments)
    assert table(arguments)[1:] == [
        ["VQ (quoted)", "56.0+-1.0", "-"],
        ["SPP-net (ours, on 9, 7 images)", "53.00", "61.00"],
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"table": 9}, "--table 9"),
        ({"table": 6, "title": ["one"]}, "--title"),
        ({"table": 8}, "--layer"),
        ({"table": 8, "layer": ["fc7"]}, "--layer"),
        ({"table": 6, "layer": ["fc7", "fc7"]}, "--layer"),
        ({"table": 7, "warped_column": "c"}, "--warped"),
        ({"table": 6, "warped_column": "c", "warped": "result"}, "--warped"),
        ({"table": 7, "warped_column": "x", "warped": "result"}, "--warped-column x"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(arguments, more, words):
    if "warped" in more:
        more = {**more, "warped": arguments["result"][0]}
    with pytest.raises(SppnetError, match=words):
        run(**(arguments | more))
    assert not arguments["csv_path"].exists()
