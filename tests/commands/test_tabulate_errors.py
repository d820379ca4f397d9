import csv
import json
from pathlib import Path

import pytest
import torch

import sppnet.report
from sppnet.cli import run
from sppnet.errors import SppnetError
from sppnet.models.weights import save_tensors
from sppnet.report.written_tables import read_table

REFERENCE = Path(sppnet.report.__file__).parent / "reference.csv"


@pytest.fixture
def cell(tmp_path):
    path = tmp_path / "scores.safetensors"
    description = {"classes": ["a", "b"], "images": list("wxyz"), "views": 10, "scales": [128]}
    tensors = {"scores": torch.tensor([[0.9, 0.1]] * 4), "labels": torch.tensor([0, 0, 0, 1])}
    save_tensors(path, tensors, {"classification": json.dumps(description)})
    return {
        "row": "no SPP",
        "column": "ZF-5",
        "metric": "top1",
        "paper": {"table": 2, "row": "no_SPP | top1", "column": "ZF-5"},
        "files": [str(path)],
    }


def tabulate(folder, cells):
    """Write the request and run the command."""
    asked = folder / "cells.json"
    asked.write_text(json.dumps({"table": "2", "cells": cells}))
    run(
        f"""tabulate-errors --cells {asked} --reference {REFERENCE} --bootstrap 100 --seed 1
        --csv {folder}/table2.csv --json {folder}/table2.json""".split()
    )


def test_table_metadata_and_terminal_agree(cell, tmp_path, capsys):
    text, metadata = tmp_path / "table2.csv", tmp_path / "table2.json"
    tabulate(tmp_path, [cell])
    with text.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["error (%)", "training", "ZF-5"],
            ["top-1", "no SPP", "25.00"],
        ]
    found = json.loads(metadata.read_text())
    assert found["columns"]["ZF-5"]["no SPP | top1"]["value"] == 25.0
    assert found["rows"] == ["no SPP | top1"]
    assert all(shown.is_shown for shown in read_table(text).values())
    assert capsys.readouterr().out.splitlines()[1].split() == ["top-1", "no", "SPP", "25.00"]
    first = metadata.read_bytes()
    tabulate(tmp_path, [cell])
    assert metadata.read_bytes() == first


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"metric": "top3"}, "cells.0.metric"),
        ({"files": []}, "cells.0.files"),
        ({"paper": {"table": 2, "row": "one"}}, "cells.0.paper.column"),
        ({"column": None}, "cells.0.column"),
    ],
)
def test_unfit_cells_are_named(cell, change, key, tmp_path):
    with pytest.raises(SppnetError, match=rf"cells\.json: {key}: "):
        tabulate(tmp_path, [cell | change])
    assert not (tmp_path / "table2.csv").exists()
