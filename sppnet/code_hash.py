"""Hashes of the package's code, which show when its behaviour may have changed."""

import ast
import copy
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXPLANATIONS = {"help", "description"}  # keyword arguments


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def _imported(path: Path, root: Path) -> list[Path]:
    """Files of the package that a module imports."""
    modules: set[Path] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom):
            parent = path.parents[node.level - 1] if node.level else root
            base = parent.joinpath(*(node.module or "").split("."))
            modules |= {base, *(base / name.name for name in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {root.joinpath(*name.name.split(".")) for name in node.names}
    candidates = {f for m in modules for f in (m.with_suffix(".py"), m / "__init__.py")}
    return [file for file in candidates if file.is_file()]


def _text(node: object) -> str:
    """A syntax tree as text that is the same with every version of Python that can parse it.

    The output of `ast.dump` differs between versions. Whether a name is read or written (`ctx`)
    follows from its position.
    """
    if isinstance(node, ast.Raise):
        node = _WithoutWords().visit(copy.deepcopy(node))
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields if name != "ctx")
        given = [f"{name}={_text(value)}" for name, value in fields if value not in (None, [])]
        return f"{type(node).__name__}({', '.join(given)})"
    if isinstance(node, list):
        return f"[{', '.join([_text(item) for item in node if not _explains(item)])}]"
    return repr(node)


class _WithoutWords(ast.NodeTransformer):
    """Replaces texts: the message of an error decides no result, unlike its type."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.Constant:
        return ast.Constant("")


def _explains(node: object) -> bool:
    """Whether syntax is for readers only: a docstring, or a help text of an option or setting."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    # A keyword argument that is not text is data, such as the description of a result.
    return (
        isinstance(node, ast.keyword)
        and node.arg in EXPLANATIONS
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@cache
def _behaviour(path: Path) -> str:
    return _text(_tree(path))


def _digest(modules: Iterable[Path], root: Path) -> str:
    text = "\n".join(f"{path.relative_to(root)} {_behaviour(path)}" for path in sorted(modules))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def code_hash(module: str, root: Path = ROOT) -> str:
    """Changes when the behaviour of a module, or of what it imports from the package, may change.

    Comments, docstrings, help texts, messages of errors and formatting do not count, nor do file
    times.

    Args:
        module: dotted name.
        root: folder that holds the package.
    """
    pending = [root.joinpath(*module.split(".")).with_suffix(".py")]
    used: set[Path] = set()
    while pending:
        path = pending.pop()
        if path not in used:
            used.add(path)
            pending.extend(_imported(path, root))
    return _digest(used, root)


@cache
def package_hash(package: Path = ROOT / "sppnet") -> str:
    """As `code_hash`, of all modules of the package, with their names."""
    return _digest(package.rglob("*.py"), package)
