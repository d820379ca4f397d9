"""Citations in the code and lines of docs/paper_to_code.md lead to something that exists."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from tiny import repository_files

from sppnet.cli import COMMANDS
from sppnet.config.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "sppnet").rglob("*.py"))
CONFIGURATIONS = sorted((ROOT / "config").glob("*.yaml"))
NONE = "-"


def cells(line):
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def rows(page, header):
    """Rows of all tables of a page whose first heading is `header`, as lists of cells."""
    inside = False
    for line in (ROOT / "docs" / page).read_text().splitlines():
        if not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("| ---"):
            yield cells(line)
        elif cells(line)[0] == header:
            inside = True


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


KEYS = [key for row in rows("paper.md", "key") for key in quoted(row[0])]
POINTERS = list(rows("paper_to_code.md", "paper"))


def is_cited(text):
    """Whether a text starts with a whole key: §3.1 is not §3.1.2."""
    return any(re.match(re.escape(key) + r"(?![\w-]|\.\w)", text) for key in KEYS)


def sources(path):
    """Every source that a docstring names: parts between semicolons, up to `Differs:`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        for text in re.findall(
            r"\bSource:(.*?)(?:\bDiffers\b|\n\n|\Z)", ast.get_docstring(node) or "", re.DOTALL
        ):
            outside = re.sub(r"\([^)]*\)", "", text)
            yield from (" ".join(part.split()) for part in outside.split(";"))


def cited(text):
    """Sections, appendices, tables and figures that a text cites in passing."""
    return re.findall(
        r"\b(?:paper|RCNN|AlexNet) (?:§[\d.]*\d|appendix [A-Z]\b|(?:Table|Figure) \d+)", text
    )


def has_setting(path):
    """Whether the schema of the configuration has a dotted path; `*` stands for any name."""
    schema = Settings.model_json_schema()
    nodes = [schema]
    for part in path.split("."):
        nodes = [
            child for node in resolved(nodes, schema["$defs"]) for child in children(node, part)
        ]
    return bool(nodes)


def children(node, part):
    if part != "*":
        return [node["properties"][part]] if part in node.get("properties", {}) else []
    others = node.get("additionalProperties") or {}
    return [*node.get("patternProperties", {}).values(), *([others] if others else [])]


def resolved(nodes, definitions):
    """Schemas behind references and alternatives."""
    for node in nodes:
        if "$ref" in node:
            yield from resolved([definitions[node["$ref"].rsplit("/", 1)[1]]], definitions)
        elif alternatives := node.get("anyOf") or node.get("oneOf"):
            yield from resolved(alternatives, definitions)
        else:
            yield node


def function(path):
    module, name = path.rsplit(".", 1)
    return getattr(import_module(module), name)


def test_keys_are_unique():
    assert len(KEYS) > 40
    assert len(KEYS) == len(set(KEYS))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sources_are_keys(path):
    assert not [source for source in sources(path) if not is_cited(source)]
    assert not [citation for citation in cited(path.read_text()) if citation not in KEYS]


def test_there_are_sources():
    assert sum(len(list(sources(path))) for path in MODULES) > 60


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_configurations_cite_keys(path):
    text = re.sub(r"SPP (?=\d\.\d)", "paper §", path.read_text())
    text = re.sub(r"SPP (?=appendix|Table|Figure)", "paper ", text)
    assert not [citation for citation in cited(text) if citation not in KEYS]


@pytest.mark.parametrize("row", POINTERS, ids=lambda row: f"{row[0]} {row[2]}")
def test_pointers_lead_somewhere(row):
    sections, _, functions, commands, settings, shown = row
    assert quoted(sections)
    assert not set(quoted(sections)) - set(KEYS)
    assert quoted(functions)
    assert all(callable(function(path)) for path in quoted(functions))
    assert commands == NONE or quoted(commands)
    assert not set(quoted(commands)) - set(COMMANDS)
    assert settings == NONE or quoted(settings)
    assert not [path for path in quoted(settings) if not has_setting(path)]
    assert re.fullmatch(r"-|\d(?: to \d)?(?:, \d)*|Figure 2|ablations|claims", shown)


def test_every_table_is_reached():
    shown = {int(number) for row in POINTERS for number in re.findall(r"\d", row[-1])}
    assert set(range(1, 10)) <= shown


def test_no_document_outside_the_repository_is_cited():
    outside = re.compile(r"\bSP" + r"EC\b|\bDESI" + r"GN\b")
    for path in repository_files(".py", ".smk", ".yaml", ".md", ".toml", ".json"):
        assert not outside.search(path.read_text()), path
