from pathlib import Path

import pytest

import sppnet.report
from sppnet.errors import SppnetError
from sppnet.report.reference import PaperValue, read_reference

SHIPPED = Path(sppnet.report.__file__).parent / "reference.csv"


def test_table_9_of_the_paper():
    cells = read_reference(SHIPPED, table=9)
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
        read_reference(path, table=9)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SppnetError, match=r"absent\.csv"):
        read_reference(tmp_path / "absent.csv", table=9)


def test_words_in_other_tables_do_no_harm(tmp_path):
    path = tmp_path / "reference.csv"
    path.write_text("table,row,column,value,origin\n13,1,team,NUS,deck\n9,a,b,2.5,deck\n")
    assert read_reference(path, table=9) == {("a", "b"): PaperValue(2.5, "deck")}
