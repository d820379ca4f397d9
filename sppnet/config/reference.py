"""The page of all settings, made from the models: meaning, unit, range, source and values.

python -m sppnet.config.reference > docs/configuration.md
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from sppnet.config.section import Section, Unit, groups_in
from sppnet.config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = ("mini", "voc07", "paper")
# A source at the end of a description, as docs/paper.md names it.
SOURCE = re.compile(r" ?\(((?:paper|release|RCNN|AlexNet|VOC07)[^()]*)\)")
BOUNDS = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}
HEAD = """# Configuration

Made by `python -m sppnet.config.reference` from the models that check configurations, make the
options of `sppnet` and are handed to the stages. Values are those of `config/mini.yaml`,
`config/voc07.yaml` and `config/paper.yaml`; the last has the paper's wherever they are known.
*NAME* stands for a name of your choice; names in brackets say whose value it is, where they differ.
A dash is a setting that is not given. Sources: [paper.md](paper.md).
"""


def page(configurations: Mapping[str, Mapping[str, Any]]) -> str:
    """The page in Markdown.

    Args:
        configurations: values of whole configurations by name, for the columns.
    """
    values = [[("", each)] for each in configurations.values()]
    sections = _sections("", Settings, values)
    tables = (_table(key, model, values, list(configurations)) for key, model, values in sections)
    return HEAD + "".join(tables)


# Values of one key in one configuration, each with the names on the way to it.
Values = list[tuple[str, Any]]


def _sections(
    key: str, model: type[Section], values: list[Values]
) -> Iterator[tuple[str, type[Section], list[Values]]]:
    """Every group of settings, with its key and its values in each configuration."""
    yield key, model, values
    for name, field in model.model_fields.items():
        for inner, named in groups_in(field.annotation):
            path = f"{key}.{name}" if key else name
            below = [[*_below(each, name, named, inner)] for each in values]
            yield from _sections(f"{path}.*NAME*" if named else path, inner, below)


def _below(
    values: Values, name: str, named: bool, model: type[Section]
) -> Iterator[tuple[str, Any]]:
    for names, value in values:
        inner = (value or {}).get(name)
        if not named:
            yield names, inner
            continue
        for own, item in (inner or {}).items():
            if _fits(item, model):
                yield f"{names} {own}".strip(), item


def _fits(value: Mapping[str, Any], model: type[Section]) -> bool:
    """Whether values are of a model, where a discriminator tells."""
    field = model.model_fields.get("method")
    return field is None or value["method"] in get_args(field.annotation)


def _table(key: str, model: type[Section], values: list[Values], names: list[str]) -> str:
    rows = [
        _row(name, field, [[*_below(each, name, False, model)] for each in values])
        for name, field in model.model_fields.items()
        if not list(groups_in(field.annotation))
    ]
    if not rows:
        return ""
    title = f"## {key or 'The whole file'}\n\n{(model.__doc__ or '').partition(chr(10))[0]}\n\n"
    heads = ["Setting", "Meaning", "Unit", "Range", *names, "Source"]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n" + title + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(name: str, field: FieldInfo, values: list[Values]) -> list[str]:
    text = field.description or ""
    source = "; ".join(SOURCE.findall(text))
    bounds = [*field.metadata, *_annotations(field.annotation)]
    unit = next((each.name for each in bounds if isinstance(each, Unit)), "")
    cells = [_values(each) for each in values]
    return [f"`{name}`", SOURCE.sub("", text), unit, _range(field, bounds), *cells, source]


def _annotations(annotation: Any) -> Iterator[Any]:
    """Metadata inside of a type: of the items of a list, of what may be null."""
    if get_origin(annotation) is Annotated:
        for item in annotation.__metadata__:
            yield from item.metadata if isinstance(item, FieldInfo) else [item]
    for part in get_args(annotation):
        if not isinstance(part, str | int | float):
            yield from _annotations(part)


def _range(field: FieldInfo, bounds: list[Any]) -> str:
    choices = list(_choices(field.annotation))
    if choices:
        return ", ".join(map(str, choices))
    texts = []
    for bound in bounds:
        if type(bound) in BOUNDS:
            sign, attribute = BOUNDS[type(bound)]
            texts.append(f"{sign} {getattr(bound, attribute):g}")
    nullable = ["null"] if NoneType in get_args(field.annotation) else []
    return " or ".join([", ".join(dict.fromkeys(texts)), *nullable] if texts else nullable)


def _choices(annotation: Any) -> Iterator[Any]:
    if annotation is bool:
        yield from ("true", "false")
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (Union, UnionType, tuple, Annotated):
        for part in get_args(annotation):
            yield from _choices(part)


def _values(values: Values) -> str:
    """Values by name in one cell; names only where values differ."""
    texts: dict[str, list[str]] = {}
    for names, value in values:
        texts.setdefault(_text(value), []).append(names)
    if len(texts) == 1:
        return next(iter(texts))
    return ", ".join(f"{text} ({', '.join(names)})" for text, names in texts.items()) or "–"


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(item)}" for name, item in value.items())
    return str(value).replace("|", "\\|")


def committed() -> dict[str, Any]:
    """The configurations of the repository, by name."""
    folder = ROOT / "config"
    return {name: yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in CONFIGURATIONS}


if __name__ == "__main__":
    print(page(committed()), end="")
