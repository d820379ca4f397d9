import xml.etree.ElementTree as ET

import pytest

from sppnet.errors import SppnetError
from sppnet.report.forest_plot import COLOURS, draw_forest


def row(**fields):
    return {
        **{"text": "one size errs less", "unit": "points", "verdict": "reproduced"},
        **{"ours": 2.0, "low": 1.0, "high": 3.0, "networks_low": 0.5, "networks_high": 3.5},
        **{"paper": 1.5},
        **fields,
    }


def drawn(tmp_path, rows):
    path = tmp_path / "claims.svg"
    draw_forest(rows, [path, tmp_path / "claims.png"])
    text = path.read_text()
    ET.fromstring(text)
    assert (tmp_path / "claims.png").stat().st_size > 10_000
    return text


def test_claims_of_both_units_without_intervals_and_without_the_paper_are_drawn(tmp_path):
    nothing = {"low": None, "high": None, "networks_low": None, "networks_high": None}
    rows = [row(), row(unit="x", ours=14.0, paper=None, **nothing)]
    text = drawn(tmp_path, rows)
    assert text.count('id="axes_') == 4  # a panel per unit, with verdicts on the right
    assert drawn(tmp_path, rows[:1]).count('id="axes_') == 2


def test_the_verdict_gives_the_colour(tmp_path):
    text = drawn(tmp_path, [row(verdict="contradicted")])
    assert COLOURS["contradicted"] in text and COLOURS["reproduced"] not in text


def test_the_same_claims_give_the_same_bytes(tmp_path):
    assert drawn(tmp_path, [row()]) == drawn(tmp_path, [row()])


@pytest.mark.parametrize("field", ["ours", "low", "high", "networks_low", "networks_high", "paper"])
def test_every_number_of_a_claim_is_drawn(tmp_path, field):
    line = row()
    assert drawn(tmp_path, [line]) != drawn(tmp_path, [line | {field: line[field] + 0.1}])


def test_no_claims_are_refused(tmp_path):
    with pytest.raises(SppnetError, match="no claims"):
        draw_forest([], [tmp_path / "claims.png"])
