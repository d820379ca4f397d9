import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.errors import SppnetError
from sppnet.report.expected import (
    Expectation,
    deviations,
    expectations_from,
    read_expected,
    write_expected,
)
from sppnet.report.written_tables import Position, WrittenCell

PERCENT = {"value": 40.0, "unit": "%", "n": 300, "low": 35.0, "high": 44.0}
values = st.floats(-100, 100).map(lambda value: round(value, 4))


def listed(expected, tolerance):
    return Expectation("table9", "fc6", "SPP", expected, tolerance)


def cell(text, /, **fields):
    return WrittenCell(text, fields)


def from_cell(written, name="table9", row="fc6", column="SPP"):
    return list(expectations_from(name, {Position(row, column): written}))


def claim_of(name, text, **fields):
    """The cells of a line of the table of claims."""
    effect = {"unit": "points", "n": 1000, **fields}
    cells = {"ours": cell(f"{fields['value']:.2f}", **effect), "verdict": cell(text, text=text)}
    return {Position(name, column): written for column, written in cells.items()}


@pytest.mark.parametrize(
    ("expected", "tolerance", "value", "met"),
    [
        ("0.1", "0.2", 0.3, True),
        ("0.1", "0.2", 0.3000001, False),
        ("0.1", "0.2", -0.1, True),
        ("0.1", "0.2", -0.1000001, False),
        ("5", "0", 5, True),
        ("3", "x2", 6, True),
        ("3", "x2", 1.5, True),
        ("3", "x2", 6.01, False),
        ("3", "x2", 1.49, False),
        ("3", "any", 1e9, True),
        ("3", "any", None, False),
        ("3", "any", float("nan"), False),
        ("3", "1", float("nan"), False),
    ],
)
def test_tolerances(expected, tolerance, value, met):
    assert listed(expected, tolerance).is_met(cell("3", value=value)) == met


def test_texts_are_expected_exactly():
    assert listed("reproduced", "").is_met(cell("reproduced", text="reproduced"))
    assert not listed("reproduced", "").is_met(cell("contradicted", text="contradicted"))


@pytest.mark.parametrize(
    ("written", "expected", "tolerance"),
    [
        (cell("40.0", **PERCENT), "40", "10"),
        (cell("40.0", **PERCENT | {"low": 40.0, "high": 40.0}), "40", "1"),
        (cell("40.0", **PERCENT | {"low": None}), "40", "any"),
        (cell("0.123", value=0.12345, unit="s", n=9, low=0.1, high=0.2), "0.12345", "any"),
        (cell("16x", value=15.9, unit="x", n=9, low=14.0, high=17.0), "15.9", "x2"),
        (cell("40.00", **PERCENT, quoted=True), "40.00", ""),
        (cell("3 x 3", text="3 x 3"), "3 x 3", ""),
    ],
)
def test_tolerances_come_from_intervals_and_units(written, expected, tolerance):
    assert from_cell(written) == [listed(expected, tolerance)]


def test_absent_cells_are_not_expected():
    assert from_cell(WrittenCell("-")) == []
    assert from_cell(cell("-", value=1.0, unit="x")) == []


@given(values, st.floats(0, 20), st.floats(0, 20), st.integers(10, 5000))
def test_a_run_shows_what_is_expected_from_it(value, below, above, n):
    fields = {"unit": "%", "n": n, "low": value - below, "high": value + above}
    table = {Position("fc6", "SPP"): cell(f"{value:.2f}", value=value, **fields)}
    expectations = list(expectations_from("table9", table))
    assert not deviations("table9", table, expectations)
    half = max(below, above)
    for other, met in ((value + 1.99 * half, True), (value - 2 * half - 300 / n - 0.2, False)):
        moved = {Position("fc6", "SPP"): cell(f"{other:.2f}", value=other)}
        assert bool(deviations("table9", moved, expectations)) != met


@pytest.mark.parametrize(
    ("name", "text", "low", "high", "value", "held"),
    [
        ("five_scales", "reproduced", 7, 9, 8, True),
        ("five_scales", "reproduced", 1, 15, 8, False),
        ("five_scales", "contradicted", -9, -7, -8, True),
        ("five_scales", "no difference beyond 2 points", -0.6, 0.6, 0, True),
        ("five_scales", "no difference beyond 2 points", -1.6, 1.6, 0, False),
        ("five_scales", "undecided at this n", -9, 9, 0, False),
        ("as_accurate_as_rcnn", "reproduced", -0.2, 0.2, 0, True),
        ("as_accurate_as_rcnn", "reproduced", -0.7, 0.7, 0, False),
    ],
)
def test_verdicts_must_hold_that_do_so_anywhere_within_the_tolerance(
    name, text, low, high, value, held
):
    table = claim_of(name, text, value=value, low=low, high=high)
    columns = [expectation.column for expectation in expectations_from("claims", table)]
    assert columns == (["ours", "verdict"] if held else ["ours"])


@pytest.mark.parametrize(("value", "held"), [(2.1, True), (1.9, False)])
def test_verdicts_on_speed_must_hold_within_the_factor(value, held):
    table = claim_of("map_views_faster", "reproduced", value=value, low=1.8, high=2.2, unit="x")
    assert (len(list(expectations_from("claims", table))) == 2) == held


def test_other_columns_of_claims_are_not_expected():
    table = claim_of("five_scales", "undecided at this n", value=1.0, low=-9, high=9)
    table[Position("five_scales", "n")] = cell("80", value=80)
    expectations = list(expectations_from("claims", table))
    assert [expectation.column for expectation in expectations] == ["ours"]
    assert not deviations("claims", table, expectations)


def test_deviations_say_what_was_found():
    table = {
        Position("fc6", "SPP"): cell("30.1", value=30.12),
        Position("fc7", "SPP"): cell("30.1", value=40.0),
        Position("fc8", "SPP"): cell("30.1", value=30.12),
        Position("fc9", "SPP"): WrittenCell("30.1"),
        Position("bb", "SPP"): WrittenCell("", {"value": 30.12}),
    }
    assert deviations(
        "table9", table, [listed("20", "10"), listed("40", "1")._replace(row="fc7")]
    ) == [
        ("table9", "fc6", "SPP", "20", "10", "30.12"),
        ("table9", "fc7", "SPP", "40", "1", "30.1 (JSON metadata: 40.0)"),
        ("table9", "fc8", "SPP", "-", "-", "30.12"),
        ("table9", "fc9", "SPP", "-", "-", "30.1 (not in its JSON metadata)"),
        ("table9", "bb", "SPP", "-", "-", "- (JSON metadata: 30.12)"),
    ]


def test_a_cell_that_the_table_lacks_is_one_line():
    with pytest.raises(SppnetError, match="table9: has no cell 'fc6', 'SPP', which is expected"):
        deviations("table9", {}, [listed("20", "10")])


def test_nothing_is_expected_from_a_table_that_was_changed():
    with pytest.raises(SppnetError, match=r"'fc6', 'SPP' shows 41 \(JSON metadata: 40"):
        from_cell(cell("41", value=40.0, unit="%", n=9))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"))


@given(st.lists(st.tuples(texts, texts, texts, texts), unique_by=lambda line: line[:3]))
def test_a_file_is_read_as_it_was_written(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("expected") / "mini.csv"
    expectations = [Expectation(*line, "") for line in lines]
    write_expected(path, expectations)
    assert read_expected(path) == expectations


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("table9,fc6,SPP,20", "entry 2: "),
        ("table9,fc6,SPP,20,ten", "entry 2: 'ten' is not a number; correct it"),
        ("table9,fc6,SPP,20,nan", "'nan' is not a number"),
        ("table9,fc6,SPP,20,-1", "tolerance -1 is negative"),
        ("table9,fc6,SPP,20,x0.5", "a factor below 1"),
        ("table9,fc6,SPP,-20,x2", "a factor below 1, or of -20"),
        ("table9,fc6,SPP,twenty,1", "'twenty' is not a number"),
        ("table9,fc6,SPP,20,1\ntable9,fc6,SPP,21,1", "entry 3: the cell is listed twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, words):
    path = tmp_path / "mini.csv"
    path.write_text(f"table,row,column,expected,tolerance\n{line}\n")
    with pytest.raises(SppnetError, match=words) as error:
        read_expected(path)
    assert "mini.csv: " in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("text", [None, "", "table,row\n", "\0"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "mini.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SppnetError, match=r"mini\.csv: "):
        read_expected(path)
