import csv
import json
from pathlib import Path

import pytest
import torch

import sppnet.report
from sppnet.commands.tabulate_errors import read_request, run
from sppnet.errors import SppnetError
from sppnet.models.weights import save_tensors

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
        "reference": ["no_SPP | top1", "ZF-5"],
        "files": [str(path)],
    }


def test_table_metadata_and_terminal_agree(cell, tmp_path, capsys):
    text, metadata = tmp_path / "table2.csv", tmp_path / "table2.json"
    run("2", [json.dumps(cell)], REFERENCE, 100, 1, text, metadata)
    with text.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["error (%)", "training", "ZF-5"],
            ["top-1", "no SPP", "25.00"],
        ]
    found = json.loads(metadata.read_text())
    assert found["columns"]["ZF-5"]["no SPP | top1"]["value"] == 25.0
    assert found["rows"] == ["no SPP | top1"]
    assert capsys.readouterr().out.splitlines()[1].split() == ["top-1", "no", "SPP", "25.00"]
    first = metadata.read_bytes()
    run("2", [json.dumps(cell)], REFERENCE, 100, 1, text, metadata)
    assert metadata.read_bytes() == first


@pytest.mark.parametrize("change", [{"metric": "top3"}, {"files": []}, {"reference": ["one"]}])
def test_broken_cells_are_named(cell, change):
    with pytest.raises(SppnetError, match="--cell"):
        read_request(json.dumps(cell | change))


@pytest.mark.parametrize("text", ["{", "[]", '{"row": "a"}'])
def test_what_is_no_cell_is_named(text):
    with pytest.raises(SppnetError, match="--cell"):
        read_request(text)
