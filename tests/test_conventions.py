"""House rules that hold for every module."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import repository_files

from sppnet.cli import COMMANDS, build

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sppnet"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Each floor may import those that are listed with it, and itself.
FLOORS = {
    "geometry": set(),
    "statistics": set(),
    "data": {"geometry"},
    "models": {"geometry", "data"},
    "classify": {"geometry", "statistics", "data", "models"},
    "detect": {"geometry", "statistics", "data", "models"},
    "report": {"geometry", "statistics", "data", "models"},
    "commands": {"geometry", "statistics", "data", "models", "classify", "detect", "report"},
    "config": set(),
    "plan": {"data", "config"},
}
SHARED = {"sppnet.config.section", "sppnet.config.requests", "sppnet.commands.options"}
# They know of all rooms what can be asked of them, in modules without torch.
PLANNERS = {"config", "plan"}
ASKED = (".settings", ".requests", ".paper_numbers", ".claims")
GROUND = {"errors", "progress", "code_hash"}  # modules that every floor may import
LONGEST_BODY = 40
NO_RULE = {"show", "download", "verify", "write-expected"}  # commands for people only


def name_of(path):
    return str(path.relative_to(ROOT))


def imported(path):
    """Dotted names of what a module imports from the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sppnet"):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("sppnet"))


def functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(path, function):
    """Lines of code of a function: no docstring, comments, blank lines or signature."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    if not statements:
        return 0
    lines = path.read_text().splitlines()[statements[0].lineno - 1 : function.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/**/*.py")), ids=name_of)
def test_floors_import_only_those_below(path):
    floor = path.relative_to(PACKAGE).parts[0]
    for module in imported(path):
        parts = module.split(".")
        room = parts[1] if len(parts) > 1 else ""
        if module in SHARED or (floor in PLANNERS and module.endswith(ASKED)):
            continue
        if floor == "commands" and room == "commands":
            pytest.fail(f"{module}: commands meet through files only")
        assert room in GROUND | FLOORS[floor] | {floor}, f"{floor} imports {module}"


def undocumented(body):
    """Public functions and classes without a docstring, and such methods of public classes."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_names_are_documented(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "module docstring"
    assert not list(undocumented(tree.body))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_short(path):
    long = {f.name: body_lines(path, f) for f in functions(path)}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST_BODY}


@pytest.mark.parametrize("verb", COMMANDS)
def test_commands_explain_themselves(verb):
    command = build(described=True)[verb]
    assert command.help
    for option in command.assemble_argument_collection():
        assert option.parameter.help or not option.show, f"{verb} {option.name}"


def test_one_rule_per_command():
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    called = re.findall(r"^ +\"(?:sppnet|\{params\.launcher\}) ([a-z0-9-]+) ", rules, re.MULTILINE)
    assert sorted(called) == sorted(set(COMMANDS) - NO_RULE)
    assert sorted(re.findall(r"^ *rule (\w+):", rules, re.MULTILINE)) == sorted(
        verb.replace("-", "_") for verb in called
    )
    hashed = re.findall(r"code_hash\(\"sppnet\.commands\.(\w+)\"\)", rules)
    assert sorted(set(hashed)) == sorted(verb.replace("-", "_") for verb in called)


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/rules").glob("*.smk")), ids=name_of)
def test_rules_are_complete(path):
    for rule in re.split(r"^ *rule ", path.read_text(), flags=re.MULTILINE)[1:]:
        for part in ('"""', "output:", "log:", "benchmark:", "threads:", "resources:", "shell:"):
            assert part in rule, f"{rule.split(':')[0]}: {part}"


def test_nothing_random_is_global_and_nothing_is_unpickled():
    forbidden = (
        r"torch\.manual_seed|np\.random\.(?:seed|rand|choice|shuffle)\(|pickle\.load"
        r"|torch\.load(?!\(.*weights_only=True\))"
    )
    for path in MODULES:
        found = re.findall(forbidden, path.read_text())
        # torchvision's constructors and dropout know the global generator only: it is then forked
        assert not found or "fork_rng" in path.read_text(), f"{name_of(path)}: {found}"


def test_no_loose_ends_and_no_foreign_paths():
    words = ["TO" + "DO", "FIX" + "ME", "/wo" + "rk/", "index-" + "url", "NotImplemented" + "Error"]
    for path in repository_files(".py", ".smk", ".yaml", ".md", ".toml", ".txt", ".lock"):
        text = path.read_text()
        assert not [word for word in words if word in text], path


def test_a_plan_is_made_without_torch():
    """It would take seconds of each call of Snakemake."""
    code = "import sys, sppnet.plan.plan\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_command_loads_torchvision_before_it_needs_it():
    """It takes two seconds of every job."""
    modules = "\n".join(f"import {module}" for module in COMMANDS.values())
    code = f"import sys\n{modules}\nassert 'torchvision' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
