import re
from pathlib import Path

import pytest
import yaml
from pydantic import Field

from sppnet.config.reference import committed, page
from sppnet.config.section import Count, Section
from sppnet.config.settings import Settings, check_settings

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "config").glob("*.yaml"))
PAGE = (ROOT / "docs/configuration.md").read_text()


def leaves(model, key=""):
    """Dotted keys of all settings, by an independent walk over the JSON schema."""
    schema = model.model_json_schema()

    def walk(part, path):
        part = schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        inner = [
            each for each in part.get("anyOf", part.get("oneOf", [])) if each != {"type": "null"}
        ]
        if any({"$ref", "patternProperties"} & set(each) for each in inner):
            for each in inner:
                yield from walk(each, path)
        elif "properties" in part:
            for name, value in part["properties"].items():
                yield from walk(value, f"{path}.{name}" if path else name)
        elif named := part.get("additionalProperties") or part.get("patternProperties"):
            values = [named] if {"$ref", "oneOf"} & set(named) else list(named.values())
            if all(isinstance(value, dict) and {"$ref", "oneOf"} & set(value) for value in values):
                for value in values:
                    yield from walk(value, f"{path}.*NAME*")
            else:
                yield path
        else:
            yield path

    return set(walk(schema, key))


def test_the_page_is_that_of_the_models():
    assert page(committed()) == PAGE, "python -m sppnet.config.reference > docs/configuration.md"


def test_every_setting_is_on_the_page():
    listed, section = set(), ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| `"):
            listed.add(f"{section}.{line.split('`')[1]}")
    assert listed == leaves(Settings)


@pytest.mark.parametrize(
    ("setting", "cells"),
    [
        ("| `positive_iou` |", ["IoU", "≥ 0, ≤ 1", "0.5", "0.5", "0.5", "paper §4.1: 0.5"]),
        ("| `scale_choice` |", ["", "best, random", "best", "best", "best"]),
        ("| `shrink` |", ["pixels", "≥ 0", "6.5"]),
    ],
)
def test_rows_say_unit_range_values_and_source(setting, cells):
    row = next(line for line in PAGE.splitlines() if line.startswith(setting))
    found = [cell.strip() for cell in row.strip("|").split("|")][2:]
    assert found[: len(cells)] == cells


def test_values_are_named_only_where_they_differ():
    config = committed()
    config["mini"]["networks"]["zf5"]["architecture"]["fc"] = 7
    row = next(line for line in page(config).splitlines() if line.startswith("| `fc` |"))
    assert "7 (zf5), 256 (alex5, overfeat7)" in row
    assert "| 4096 |" in row


def test_every_setting_says_what_it_means():
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    assert all(row[2].strip() for row in rows)


def test_sources_are_keys_of_the_page_of_the_paper():
    keys = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/paper.md").read_text(), re.MULTILINE)
    sources = {
        source.strip()
        for line in PAGE.splitlines()
        if line.startswith("| `")
        for source in line.strip("|").split("|")[-1].split(";")
        if source.strip()
    }
    assert sources
    for source in sources:
        assert any(source.startswith(key) for key in keys), source


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_configurations_name_their_schema(path):
    first = path.read_text().partition("\n")[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (ROOT / "config" / schema).is_file()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_configurations_are_valid(path):
    check_settings(yaml.safe_load(path.read_text()))


def test_a_section_of_a_section_has_a_table_of_its_own():
    class Inner(Section):
        """Inner settings."""

        count: Count = Field(description="How many.")

    class Outer(Section):
        """Outer settings."""

        inner: dict[str, Inner]

    assert leaves(Outer) == {"inner.*NAME*.count"}
