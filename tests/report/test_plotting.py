import warnings

import matplotlib
import pytest
from matplotlib.font_manager import FontEntry, FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from sppnet.report import plotting
from sppnet.report.plotting import new_figure, save_figure

USUAL = set(get_font(findfont(FontProperties())).get_charmap())
ENTRY = min((f for f in fontManager.ttflist if f.name == "STIXGeneral"), key=lambda f: f.fname)
# A character that the usual font lacks and another one that comes with Matplotlib has.
OTHER = chr(max(set(get_font(ENTRY.fname).get_charmap()) - USUAL))
NOWHERE = "\U0010fffd"  # for private use


@pytest.fixture(autouse=True)
def boxes_are_errors():
    """Matplotlib warns of a character for which it draws a box."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def fonts_of_matplotlib(monkeypatch):
    """The same fonts on every machine."""
    data = matplotlib.get_data_path()
    own: list[FontEntry] = [font for font in fontManager.ttflist if font.fname.startswith(data)]
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr(plotting, "findSystemFonts", lambda: [])


def saved(tmp_path, *texts):
    """Texts of a figure after it is saved, and the bytes of the file."""
    figure = new_figure(1)
    for text in texts:
        figure.text(0.1, 0.5, text)
    save_figure(figure, [tmp_path / "a.png"])
    return [text.get_text() for text in figure.findobj(Text)], (tmp_path / "a.png").read_bytes()


def test_characters_of_another_font_are_drawn_with_it(tmp_path, fonts_of_matplotlib, capsys):
    texts, _ = saved(tmp_path, f"a {OTHER}")
    assert texts == [f"a {OTHER}"] and not capsys.readouterr().err


def test_a_font_that_was_installed_since_is_used(
    tmp_path, fonts_of_matplotlib, monkeypatch, capsys
):
    usual = [font for font in fontManager.ttflist if font.name == "DejaVu Sans"]
    monkeypatch.setattr(fontManager, "ttflist", usual)
    assert saved(tmp_path, OTHER)[0] != [OTHER]
    capsys.readouterr()
    monkeypatch.setattr(plotting, "findSystemFonts", lambda: [ENTRY.fname])
    assert saved(tmp_path, OTHER)[0] == [OTHER] and not capsys.readouterr().err


def test_characters_of_no_font_are_escaped_with_one_line(tmp_path, fonts_of_matplotlib, capsys):
    texts, _ = saved(tmp_path, "猫 0.93", "a", f"犬{NOWHERE}é")
    assert texts == ["\\u732b 0.93", "a", "\\u72ac\\U0010fffdé"]
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    for word in ("a.png: no font has '犬' (3 such", "written as \\u72ac", "fonts-noto-cjk"):
        assert word in line


def test_usual_labels_leave_figures_as_they_are(tmp_path, monkeypatch):
    """To the byte, without a look at the fonts of the machine."""
    monkeypatch.setattr(plotting, "findSystemFonts", None)
    figure = new_figure(1)
    figure.text(0.1, 0.5, "dog 0.93\nŽ −1")
    figure.savefig(tmp_path / "plain.png", metadata={"Software": None})
    assert saved(tmp_path, "dog 0.93\nŽ −1")[1] == (tmp_path / "plain.png").read_bytes()
