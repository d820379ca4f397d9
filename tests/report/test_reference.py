import hashlib
from pathlib import Path

import pytest

import sppnet.report
from sppnet.errors import SppnetError
from sppnet.report.architectures import TABLE1
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.reference import PaperValue, read_reference

SHIPPED = Path(sppnet.report.__file__).parent / "reference.csv"
# Of the lines of each table, and of each network in Table 1, as they were compared with the paper.
CHECKSUMS = {
    "2": "8b52eb9d5ede",
    "3": "7f55fd1e6171",
    "4": "2d1ba3b49d63",
    "5": "35c3d11ec776",
    "6": "1878b7c40e93",
    "7": "e909c5a8b7dd",
    "8": "76bf93c954e6",
    "9": "cf45ea03c096",
    "10": "71c94e517d21",
    "11": "fcb92805b451",
    "12": "db1d90df3eb2",
    "13": "363cdf336c8e",
    "ablations": "90fceede59de",
    "views": "7566fd48ca9e",
}
CHECKSUMS_OF_TABLE_1 = {
    "zf5": "57b938fb16b2",
    "convnet5": "9d7ef903ed84",
    "overfeat5": "d48249d1b655",
    "overfeat7": "38eb34d1e3bc",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [(SHIPPED, CHECKSUMS), (TABLE1, CHECKSUMS_OF_TABLE_1)],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_the_papers_numbers_are_as_they_were_compared_with_it(path, expected):
    parts = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        parts.setdefault(line.partition(",")[0], []).append(line)
    found = {
        name: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
        for name, lines in parts.items()
    }
    changed = {
        name: found.get(name)
        for name in sorted({*found, *expected})
        if found.get(name) != expected.get(name)
    }
    assert not changed, (
        f"{path.name}: other lines of {', '.join(changed)} than were read off the paper; "
        f"restore them, or compare them with the paper again and note {changed} here"
    )


def test_table_9_of_the_paper():
    numbers = read_reference(SHIPPED, 9)
    cells = {(number.row, number.column): value for number, value in numbers.items()}
    assert len(cells) == 26
    assert cells["ftfc7bb", "SPP_5sc_ZF5"] == PaperValue(59.2, "deck")
    assert cells["total_s", "RCNN_Alex5"] == PaperValue(9.03, "deck")
    assert cells["speedup", "SPP_1sc_ZF5"].value == 64
    # the times add up, and the speedups follow from them
    for column in ("SPP_1sc_ZF5", "SPP_5sc_ZF5", "RCNN_Alex5"):
        parts = cells["conv_s", column].value + cells["fc_s", column].value
        assert parts == pytest.approx(cells["total_s", column].value)
    for column in ("SPP_1sc_ZF5", "SPP_5sc_ZF5"):
        ratio = cells["total_s", "RCNN_Alex5"].value / cells["total_s", column].value
        assert round(ratio) == cells["speedup", column].value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("table,row,column,value\n9,a,b,1\n", "origin"),
        ("table,row,column,value,origin\n9,a,b,many,deck\n", "'many'"),
        ("", "no column"),
    ],
)
def test_broken_files_are_named(tmp_path, text, words):
    path = tmp_path / "reference.csv"
    path.write_text(text)
    with pytest.raises(SppnetError, match=words) as error:
        read_reference(path, 9)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SppnetError, match=r"absent\.csv"):
        read_reference(tmp_path / "absent.csv", 9)


def test_words_in_other_tables_do_no_harm(tmp_path):
    path = tmp_path / "reference.csv"
    path.write_text("table,row,column,value,origin\n13,1,team,NUS,deck\n9,a,b,2.5,deck\n")
    assert read_reference(path, 9) == {
        PaperNumber(table=9, row="a", column="b"): PaperValue(2.5, "deck")
    }
