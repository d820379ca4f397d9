import csv
import json

import numpy as np
import pytest

from sppnet.cli import run as sppnet
from sppnet.errors import SppnetError
from sppnet.report.written_tables import read_table

LAYERS = ("pool", "spp", "fc6", "fc7")


@pytest.fixture
def request_of(tmp_path):
    """Makes the request for a table from its number and what is added."""
    for name, images, first in (("c", 9, 0.5), ("d", 7, 0.6), ("warped", 9, 0.3)):
        layers = {
            layer: {"name": "own", "value": value, "low": value - 0.1, "high": 0.9, "n": images}
            for layer, value in zip(LAYERS, first + np.arange(4) / 100, strict=True)
        }
        (tmp_path / f"{name}.json").write_text(json.dumps({"layers": layers}))
    (tmp_path / "reference.csv").write_text(
        "table,row,column,value,origin\n7,SPP_pool5/7,C,91.44,text\n8,VQ,C,56.0+-1.0,memory\n"
    )

    def make(table, layers=(None, None), beside=None):
        columns = [
            {
                "name": name,
                "title": title,
                "reference": reference,
                "result": str(tmp_path / f"{name}.json"),
                "layer": layer,
            }
            for name, title, reference, layer in (
                ("c", "SPP, full", "C", layers[0]),
                ("d", "Overfeat", None, layers[1]),
            )
        ]
        warped = beside and {"beside": beside, "result": str(tmp_path / "warped.json")}
        return {"table": table, "columns": columns, "warped": warped}

    return make


def tabulate(folder, request):
    path = folder / "columns.json"
    path.write_text(json.dumps(request))
    files = {"reference": "reference.csv", "csv": "out/table.csv", "json": "out/table.json"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(folder / file))]
    sppnet(["tabulate-transfer", "--columns", str(path), *words])
    with (folder / "out/table.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert all(cell.is_shown for cell in read_table(folder / "out/table.csv").values())
    return lines


def test_table_7_with_warped_images(request_of, tmp_path, capsys):
    lines = tabulate(tmp_path, request_of(7, beside="c"))
    assert lines[0] == ["", "SPP, full", "Overfeat"]
    assert lines[4] == ["SPP pool5/7", "51.00", "61.00"]
    assert lines[-1] == ["SPP pool5/7, warped to a square", "31.00", "-"]
    metadata = json.loads((tmp_path / "out/table.json").read_text())["columns"]
    assert metadata["c"]["spp"]["paper"] == 91.44 and metadata["c"]["spp"]["layer"] == "own"
    assert "paper" not in metadata["d"]["spp"]
    assert "SPP, full" in capsys.readouterr().out


def test_table_6_and_8(request_of, tmp_path):
    assert tabulate(tmp_path, request_of(6))[3:] == [
        ["pool5/7 (6x6)", "50.00", "60.00"],
        ["fc6/8", "52.00", "62.00"],
        ["fc7/9", "53.00", "63.00"],
    ]
    assert tabulate(tmp_path, request_of(8, layers=("fc7", "spp")))[1:] == [
        ["VQ (quoted)", "56.0+-1.0", "-"],
        ["SPP-net (ours, on 9, 7 images)", "53.00", "61.00"],
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"table": 9}, "columns.json: table: .*6, 7 or 8"),
        ({"table": 8}, "columns.json: columns: .*c: layer None; give one in Table 8 only"),
        ({"table": 8, "layers": ("fc7", None)}, "d: layer None"),
        ({"table": 6, "layers": ("fc7", "fc7")}, "c: layer fc7"),
        ({"table": 6, "beside": "c"}, "warped: .*beside 'c'; name a column of Table 7"),
        ({"table": 7, "beside": "x"}, "warped: .*beside 'x'"),
    ],
)
def test_what_does_not_go_together_is_refused(request_of, tmp_path, more, words):
    with pytest.raises(SppnetError, match=words):
        tabulate(tmp_path, request_of(**more))
    assert not (tmp_path / "out").exists()
