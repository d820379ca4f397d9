"""Style of the diagrams, and figure files that are legible and reproducible to the byte."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font
from matplotlib.text import Text

from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError

WIDTH = 6.9  # inches: text width of a page, so that font sizes are as in print
DPI = 200
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "sppnet",  # names of clip paths: same figure, same bytes
}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = "osD^vPX"


def new_figure(height: float) -> Figure:
    """A figure of a page's text width and `height` inches; use it inside `STYLE`."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, paths: Sequence[Path]) -> None:
    """Write the figure once for each path, PNG or SVG by its suffix.

    The files contain no date or version, so the same figure gives the same bytes. Characters that
    the usual font lacks, such as those of Chinese class names, are taken from other fonts of the
    machine; those that no font has are written as escapes, with a line on standard error.

    Raises:
        SppnetError: a path has another suffix.
    """
    absent = _use_fonts_with_all_characters(figure)
    if absent:
        print(
            f"sppnet: {paths[0]}: no font has {absent[0]!r} ({len(absent)} such characters), "
            f"written as {_escaped(absent[0])}; install one, e.g. the package fonts-noto-cjk",
            file=sys.stderr,
        )
    metadata = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}
    for path in paths:
        if path.suffix not in metadata:
            raise SppnetError(f"{path}: figures are .png or .svg; change the suffix")
        with atomic_path(path) as temporary:
            figure.savefig(
                temporary, format=path.suffix.removeprefix("."), metadata=metadata[path.suffix]
            )


def _use_fonts_with_all_characters(figure: Figure) -> list[str]:
    """Give texts the fonts that their characters need; escape and return those that none has."""
    texts: list[Any] = figure.findobj(Text)
    usual = _characters(findfont(FontProperties()))
    lacking = {text: _visible(text.get_text()) - usual for text in texts}
    needed = set().union(*lacking.values())
    families, absent = _families_with(needed) if needed else ([], set())
    for text in (text for text, characters in lacking.items() if characters):
        text.set_fontfamily([*text.get_fontfamily(), *families])
        text.set_text("".join(_escaped(c) if c in absent else c for c in text.get_text()))
    return sorted(absent)


def _families_with(characters: set[str]) -> tuple[list[str], set[str]]:
    """Font families of the machine that have some of the characters, and what none of them has."""
    known = {font.fname for font in fontManager.ttflist}
    # Matplotlib's list is a file from its first use: it lacks fonts installed since.
    for path in set(findSystemFonts()) - known:
        fontManager.addfont(path)
    families, absent = [], characters
    for font in sorted(fontManager.ttflist, key=lambda font: (font.name, font.fname)):
        # The font of last resort has a box for every character.
        if absent and not font.name.startswith("Last Resort") and absent & _characters(font.fname):
            families.append(font.name)
            absent = absent - _characters(font.fname)
    return families, absent


def _characters(font: str) -> set[str]:
    return set(map(chr, get_font(font).get_charmap()))


def _visible(text: str) -> set[str]:
    return {character for character in text if not character.isspace()}


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
