"""verify and write-expected, on a small run and on the committed tables."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.cli import run
from sppnet.errors import SppnetError
from sppnet.report.tables import Cell, headings, metrics, write_table

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = {"mini": ROOT / "results", "voc07": ROOT / "results/voc07"}
EXPECTED = ROOT / "config/expected"
# Texts and headings of cells; what heads the texts that lead a row is not in the metadata.
HEADINGS = {
    line["column"] for path in EXPECTED.iterdir() for line in csv.DictReader(path.open(newline=""))
}
SHOWN = [
    (path, line, column)
    for folder in COMMITTED.values()
    for path in sorted(folder.glob("*.csv"))
    for line, texts in enumerate(csv.reader(path.open(newline="")))
    for column, text in enumerate(texts)
    if text != "-" and (line or text in HEADINGS)
]
LINES = [
    ["", "SPP (ZF-5)", "R-CNN"],
    ["fc6", "31.4", "52.7"],
    ["conv time", "0.0177", "0.331"],
    ["speedup", "16x", "-"],
]
CELLS = {
    "spp": {
        "fc6": Cell(31.38, "%", 80, 25.0, 34.0),
        "conv_time": Cell(0.01772, "s", 10, 0.017, 0.018),
        "speedup": Cell(15.6, "x", 10, 14.0, 17.0),
    },
    "rcnn": {
        "fc6": Cell(52.72, "%", 80, 45.0, 59.0),
        "conv_time": Cell(0.331, "s", 10, 0.3, 0.4),
        "speedup": Cell(1.0, "x", 10),
    },
}
CLAIM = {"claim": "five_scales", "ours": 9.0, "unit": "points", "n": 80, "low": 5.0, "high": 13.0}


def verify(results, *tables, expected):
    """Exit status of the command."""
    words = ["verify", "--results", str(results), "--expected", str(expected)]
    try:
        run([*words, *(["--tables", *tables] if tables else [])])
    except SystemExit as end:
        return end.code
    return 0


def write_expected(results, expected):
    run(["write-expected", "--results", str(results), "--expected", str(expected)])


def write_claims(results, verdict):
    metadata = {"claims": [CLAIM | {"verdict": verdict}]}
    lines = [["claim", "ours", "verdict"], ["five_scales", "9.00", verdict]]
    write_table(results / "claims.csv", lines, results / "claims.json", metadata)


@pytest.fixture
def results(tmp_path):
    """A run: Table 9 and a claim."""
    folder = tmp_path / "results"
    titles = dict(zip(CELLS, LINES[0][1:], strict=True))
    metadata = metrics(CELLS) | headings(titles, list(CELLS["spp"]), LINES)
    write_table(folder / "table9.csv", LINES, folder / "table9.json", metadata)
    write_claims(folder, "reproduced")
    return folder


@pytest.fixture
def expected(results, tmp_path):
    """What is expected from that run."""
    path = tmp_path / "expected/mini.csv"
    write_expected(results, path)
    return path


def change_metadata(results, row, **fields):
    path = results / "table9.json"
    metadata = json.loads(path.read_text())
    metadata["columns"]["spp"][row] |= fields
    path.write_text(json.dumps(metadata))


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("config", COMMITTED)
def test_the_committed_tables_are_the_expected_ones(config, capsys):
    assert verify(COMMITTED[config], expected=EXPECTED / f"{config}.csv") == 0
    assert " expected cells, 0 deviating" in capsys.readouterr().out


@pytest.mark.parametrize("config", COMMITTED)
def test_every_committed_table_is_expected(config):
    lines = list(csv.DictReader((EXPECTED / f"{config}.csv").open(newline="")))
    tables = {path.stem for path in COMMITTED[config].glob("*.csv")}
    assert {line["table"] for line in lines} == tables


@given(st.sampled_from(SHOWN), st.sampled_from("0123456789x"))
def test_no_text_of_a_table_can_be_changed_by_hand(tmp_path_factory, place, character):
    source, number, column = place
    folder = tmp_path_factory.mktemp("results")
    shutil.copy(source.with_suffix(".json"), folder)
    lines = list(csv.reader(source.open(newline="")))
    old = lines[number][column]
    lines[number][column] = character + old[1:]
    with (folder / source.name).open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    config = "voc07" if source.parent.name == "voc07" else "mini"
    try:
        status = verify(folder, source.stem, expected=EXPECTED / f"{config}.csv")
    except SppnetError:
        status = 2
    assert bool(status) == (lines[number][column] != old)


def test_a_run_shows_what_is_expected_from_it(results, expected, capsys):
    assert expected.read_text().splitlines() == [
        "table,row,column,expected,tolerance",
        "claims,five_scales,ours,9,8",
        "claims,five_scales,verdict,reproduced,",
        "table9,fc6,SPP (ZF-5),31.38,12.8",
        "table9,fc6,R-CNN,52.72,15.5",
        "table9,conv time,SPP (ZF-5),0.01772,any",
        "table9,conv time,R-CNN,0.331,any",
        "table9,speedup,SPP (ZF-5),15.6,x2",
    ]
    assert verify(results, expected=expected) == 0
    assert capsys.readouterr().out.endswith("claims, table9: 7 expected cells, 0 deviating\n")


def test_a_deviating_cell_is_one_line(results, expected, capsys):
    edit(results / "table9.csv", "31.4", "31.5")
    capsys.readouterr()
    assert verify(results, "table9", expected=expected) == 1
    heading, line, summary = capsys.readouterr().out.splitlines()
    assert heading.split() == ["table", "row", "column", "expected", "tolerance", "found"]
    assert line.startswith("table9  fc6  SPP (ZF-5)") and "31.38" in line and "12.8" in line
    assert line.endswith("31.5 (JSON metadata: 31.38)")
    assert summary == "table9: 5 expected cells, 1 deviating"
    assert verify(results, "claims", expected=expected) == 0


@pytest.mark.parametrize("value", [None, float("nan"), "31.38", 31.46])
def test_changed_metadata_deviate(results, expected, value):
    change_metadata(results, "fc6", value=value)
    assert verify(results, expected=expected) == 1


@pytest.mark.parametrize(
    ("row", "old", "value", "text", "status"),
    [
        ("fc6", "31.4", 44.1, "44.1", 0),
        ("fc6", "31.4", 44.2, "44.2", 1),
        ("speedup", "16x", 31.2, "31x", 0),
        ("speedup", "16x", 31.3, "31x", 1),
        ("speedup", "16x", 7.8, "7.8x", 0),
        ("speedup", "16x", 7.7, "7.7x", 1),
        ("conv_time", "0.0177", 9.0, "9.00", 0),
    ],
)
def test_a_run_may_differ_within_the_tolerance(results, expected, row, old, value, text, status):
    change_metadata(results, row, value=value)
    edit(results / "table9.csv", old, text)
    assert verify(results, expected=expected) == status


def test_a_verdict_must_hold(results, expected, capsys):
    write_claims(results, "undecided at this n")
    assert verify(results, expected=expected) == 1
    assert "claims  five_scales  verdict  reproduced" in capsys.readouterr().out


def test_a_row_too_many_or_too_few_in_the_csv_deviates(results, expected):
    table = results / "table9.csv"
    text = table.read_text()
    table.write_text(text + "fc7,1.0,1.0\n")
    assert verify(results, expected=expected) == 1
    table.write_text("".join(line for line in text.splitlines(True) if "fc6" not in line))
    assert verify(results, expected=expected) == 1


def test_a_row_that_is_not_expected_deviates(results, expected, capsys):
    path = results / "table9.json"
    metadata = json.loads(path.read_text())
    metadata["headings"]["rows"]["fc7"] = ["fc7"]
    metadata["columns"]["rcnn"]["fc7"] = {"value": 1.0, "unit": "%", "n": 80}
    path.write_text(json.dumps(metadata))
    table = results / "table9.csv"
    table.write_text(table.read_text() + "fc7,-,1.0\n")
    assert verify(results, expected=expected) == 1
    assert "1 deviating" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_missing_table_is_named(results, expected, suffix):
    (results / "table9").with_suffix(suffix).unlink()
    with pytest.raises(SppnetError, match=rf"table9\{suffix}: .*(stage that writes|snakemake)"):
        verify(results, expected=expected)
    assert verify(results, "claims", expected=expected) == 0


def test_a_table_of_another_configuration_is_refused(results, expected):
    for path in (results / "table9.csv", results / "table9.json"):
        edit(path, "SPP (ZF-5)", "SPP (SqueezeNet)")
    words = r"table9: has no cell 'fc6', 'SPP \(ZF-5\)'.*tables of the same configuration"
    with pytest.raises(SppnetError, match=words):
        verify(results, expected=expected)


def test_an_unknown_table_is_refused(results, expected):
    with pytest.raises(SppnetError, match=r"--tables: .*no table10; use claims, table9"):
        verify(results, "table10", expected=expected)


def test_a_changed_table_is_not_what_is_expected(results, expected):
    before = expected.read_bytes()
    edit(results / "table9.csv", "31.4", "31.5")
    with pytest.raises(SppnetError, match=r"table9: 'fc6', .*build the table again"):
        write_expected(results, expected)
    assert expected.read_bytes() == before


def test_nothing_is_expected_from_an_empty_folder(tmp_path):
    with pytest.raises(SppnetError, match="has no tables; build them"):
        write_expected(tmp_path, tmp_path / "mini.csv")
