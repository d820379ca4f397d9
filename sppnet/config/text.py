"""The text of a configuration file: what its reader lets pass and nobody can have meant."""

import math
from collections.abc import Iterator
from pathlib import Path

import yaml

from sppnet.errors import SppnetError, unreadable_refused


@unreadable_refused()
def check_text(path: Path) -> None:
    """Check that a configuration file is YAML, with every key once.

    Snakemake takes the last of several values, and names no line of a file that it cannot read.

    Raises:
        SppnetError: it is not; the message names the line.
    """
    name = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        document = loader.get_single_node()
        if not isinstance(document, yaml.MappingNode):
            raise SppnetError(f"{name}: holds no settings; copy one of config/*.yaml")
        # Before the construction, which puts the keys of merged mappings beside those written.
        repeated = list(_repeated(document, "", set()))
        loader.construct_document(document)
    except FileNotFoundError:
        raise SppnetError(f"{name}: no such file; correct its name") from None
    except UnicodeDecodeError:
        raise SppnetError(f"{name}: not UTF-8 text; save it as such") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise SppnetError(f"{name}{line}: no YAML: {error.problem}; correct it") from None
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise SppnetError(f"{name}: no YAML: {problem}; correct it") from None
    for key, first, second in repeated:
        raise SppnetError(
            f"{name}, line {second}: {key} is given again, after line {first}; remove one of them"
        )


def _repeated(node: yaml.Node, prefix: str, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Dotted keys that a mapping holds more than once, with the lines of the first and the next."""
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, f"{prefix}{index}.", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                yield f"{prefix}{name}", lines[name], line
            lines.setdefault(name, line)
            yield from _repeated(value, f"{prefix}{name}.", seen)


def number_hint(text: str) -> str | None:
    """How YAML writes a number that it has read as text, such as 1e-2; None if it is no number."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    mantissa, mark, exponent = text.strip().lower().partition("e")
    if mark:
        mantissa += "" if "." in mantissa else ".0"
        exponent = exponent if exponent[0] in "+-" else f"+{exponent}"
    hint = f"{mantissa}{mark}{exponent}"
    return hint if yaml.safe_load(hint) == value else f"{value!r}"
