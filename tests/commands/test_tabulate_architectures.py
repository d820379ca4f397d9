import csv
import json

from sppnet.cli import run
from sppnet.report.written_tables import read_table


def test_table_metadata_and_terminal_agree(tmp_path, capsys):
    table, cells = tmp_path / "out/table1.csv", tmp_path / "out/table1.json"
    words = "tabulate-architectures --backbones convnet5 zf5 --input-size 224"
    run([*words.split(), "--csv", str(table), "--json", str(cells)])
    with table.open(newline="") as file:
        lines = list(csv.reader(file))
    assert [line[0] for line in lines] == ["", "Convnet*-5", "ZF-5"]
    assert lines[1][1] == "96 x 11x11, str 4 | LRN | map 55x55"
    assert b"\r" not in table.read_bytes()
    metadata = json.loads(cells.read_text())
    assert metadata["backbones"]["convnet5"]["conv1"]["met"] is True
    assert all(cell.is_shown for cell in read_table(table).values())
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    assert printed[1].startswith("Convnet*-5") and "96 x 11x11, str 4" in printed[1]
    assert printed[-1] == "zf5 conv2: map 26x26 before pooling, the paper prints 27x27"
