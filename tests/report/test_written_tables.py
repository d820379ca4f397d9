import csv
import json
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.errors import SppnetError
from sppnet.report.tables import write_table
from sppnet.report.written_tables import Position, WrittenCell, read_table

LINES = [["metric", "training", "ZF-5", "R-CNN"], ["top-1", "plain", "37.17", "-"]]
METADATA = {
    "columns": {"zf5": {"plain | top1": {"value": 37.1667, "unit": "%", "n": 400}}},
    "headings": {
        "columns": {"zf5": "ZF-5", "rcnn": "R-CNN"},
        "rows": {"plain | top1": ["top-1", "plain"]},
    },
}
FORMATS = ("{:.1f}", "{:.2f}", "{:#.3g}", "{:.2g}", "{:.0f}")
numbers = st.floats(-1e4, 1e4) | st.integers(-100, 100)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "table2.csv"
    write_table(path, LINES, path.with_suffix(".json"), METADATA)
    return path


def change(path, *, line, column, text):
    lines = list(csv.reader(path.read_text().splitlines()))
    lines[line][column] = text
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def test_cells_stand_where_the_headings_say(written):
    table = read_table(written)
    assert list(table) == [("top-1 | plain", "ZF-5"), ("top-1 | plain", "R-CNN")]
    cell = table[Position("top-1 | plain", "ZF-5")]
    assert (cell.text, cell.value, cell.is_shown) == ("37.17", 37.1667, True)
    assert table[Position("top-1 | plain", "R-CNN")].is_shown


@pytest.mark.parametrize("text", ["37.16", "38.17", "-", "", "nan", "37.17 (1.00)", "?"])
def test_a_text_changed_by_hand_is_not_what_the_metadata_say(written, text):
    change(written, line=1, column=2, text=text)
    assert not read_table(written)["top-1 | plain", "ZF-5"].is_shown


def test_a_heading_changed_by_hand_leaves_cells_on_both_sides(written):
    change(written, line=1, column=1, text="SPP")
    table = read_table(written)
    assert not table["top-1 | SPP", "ZF-5"].is_shown
    assert not table["top-1 | plain", "ZF-5"].is_shown


@given(numbers, st.sampled_from(FORMATS), st.sampled_from([-1, 1]))
def test_a_number_is_shown_by_its_rounded_text_alone(value, form, step):
    printed = form.format(value).rstrip(".")
    assert WrittenCell(printed, {"value": value}).is_shown
    digit = Decimal((0, (1,), Decimal(printed).as_tuple().exponent))
    other = f"{Decimal(printed) + 2 * step * digit}".lower()
    assert not WrittenCell(other, {"value": value}).is_shown


@given(numbers, numbers)
def test_gains_and_deviations_are_shown_too(value, beside):
    gain = partial(WrittenCell, f"{value:.2f} ({beside:.2f})")
    assert gain({"value": value, "gain": beside}).is_shown
    assert not gain({"value": value, "gain": beside + 1}).is_shown
    assert not gain({"value": value}).is_shown
    deviation = partial(WrittenCell, f"{value:.2f}+-{abs(beside):.1f}")
    assert deviation({"value": value, "deviation": abs(beside)}).is_shown
    assert not deviation({"value": value, "deviation": abs(beside) + 1}).is_shown


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "37.17", [37.17]])
def test_what_is_no_number_is_not_shown(value):
    cell = WrittenCell("37.17", {"value": value})
    assert cell.value is None and not cell.is_shown


def test_only_the_baseline_of_speedups_has_no_text():
    assert WrittenCell("-", {"value": 1.0, "unit": "x"}).is_shown
    assert not WrittenCell("-", {"value": 2.0, "unit": "x"}).is_shown
    assert not WrittenCell("-", {"value": 1.0, "unit": "%"}).is_shown


@pytest.mark.parametrize(
    "metadata",
    [[], 1, {}, {"columns": {}}, {"claims": [{}]}, {"backbones": {}}]
    + [METADATA | {"headings": part} for part in (None, {}, {"columns": {}, "rows": {"a": ["b"]}})],
)
def test_other_metadata_are_one_line(written, metadata):
    written.with_suffix(".json").write_text(json.dumps(metadata))
    with pytest.raises(SppnetError, match=r"table2\.json: not the metadata of a table; build"):
        read_table(written)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "rows of different lengths"),
        ("a,b,ZF-5\ntop-1,plain,1,2\n", "rows of different lengths"),
        ("a,b,ZF-5,R-CNN\n" + 2 * "top-1,plain,1,2\n", "'top-1 | plain', 'ZF-5' stands twice"),
    ],
)
def test_a_misshapen_table_is_one_line(written, text, words):
    written.write_text(text)
    with pytest.raises(SppnetError, match=words.replace("|", r"\|")):
        read_table(written)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_missing_file_is_one_line(written, suffix):
    written.with_suffix(suffix).unlink()
    with pytest.raises(SppnetError, match=rf"table2\{suffix}: "):
        read_table(written)
