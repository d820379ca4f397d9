"""The configurations on Snakemake's command line, checked before Snakemake reads them."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from sppnet.config.text import check_text
from sppnet.errors import SppnetError

DEFAULT = "config/mini.yaml"
OPTIONS = ("--configfile", "--configfiles")


def check_configurations(words: Sequence[str]) -> None:
    """Refuse a configuration that is no YAML file: Snakemake would end in a traceback.

    `--configfile` takes all words up to the next option, and so a target that follows it.

    Args:
        words: command line of Snakemake.

    Raises:
        SppnetError: one is missing, no configuration, no YAML, or gives a key twice.
    """
    configurations = list(_given(words))
    if configurations and Path(configurations[0]).suffix not in (".yaml", ".yml", ".json"):
        raise SppnetError(f"{configurations[0]}: no configuration; give one as config/mini.yaml")
    for name in configurations[1:]:
        raise SppnetError(
            f"{name}: taken for a second configuration; write -- before targets: "
            f"--configfile {configurations[0]} -- {name}"
        )
    for name in configurations or [DEFAULT]:
        _check(Path(name))


def _given(words: Sequence[str]) -> Iterator[str]:
    """The words that Snakemake takes for configurations."""
    options = list(takewhile(lambda word: word != "--", words))
    for position, word in enumerate(options, start=1):
        name, equals, value = word.partition("=")
        if name in OPTIONS and equals:
            yield value
        elif name in OPTIONS:
            yield from takewhile(lambda word: not word.startswith("-"), options[position:])


def _check(path: Path) -> None:
    if not path.is_file():
        others = ", ".join(sorted(map(str, path.parent.glob("*.yaml")))) or "none"
        raise SppnetError(f"{path}: no such configuration; beside it: {others}")
    check_text(path)
