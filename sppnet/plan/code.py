"""Hashes of the package's code, by which a change of code is noticed."""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def _parse(path: Path, root: Path) -> tuple[str, tuple[Path, ...]]:
    """Syntax tree of a module without its docstrings, and the files of the package it imports."""
    tree = ast.parse(path.read_text(), str(path))
    modules: set[Path] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            node.body = body[1:]  # type: ignore[attr-defined]
        if isinstance(node, ast.ImportFrom):
            parent = path.parents[node.level - 1] if node.level else root
            base = parent.joinpath(*(node.module or "").split("."))
            modules |= {base, *(base / name.name for name in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {root.joinpath(*name.name.split(".")) for name in node.names}
    candidates = {f for m in modules for f in (m.with_suffix(".py"), m / "__init__.py")}
    return _text(tree), tuple(sorted(f for f in candidates if f.is_file()))


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _text(node: object) -> str:
    """A syntax tree as text that is the same with every version of Python that can parse it.

    `ast.dump` writes fields that later versions have added, and leaves out others.
    """
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields)
        given = (f"{name}={_text(value)}" for name, value in fields if value not in (None, []))
        return f"{type(node).__name__}({', '.join(given)})"
    return f"[{', '.join(map(_text, node))}]" if isinstance(node, list) else repr(node)


@cache
def code_hash(module: str, root: Path = ROOT) -> str:
    """Changes when the behaviour of a module, or of what it imports from the package, may change.

    Comments, docstrings and formatting do not count, nor do file times.

    Args:
        module: dotted name.
        root: folder that holds the package.
    """
    waiting = [root.joinpath(*module.split(".")).with_suffix(".py")]
    trees: dict[Path, str] = {}
    while waiting:
        path = waiting.pop()
        if path not in trees:
            trees[path], imports = _parse(path, root)
            waiting.extend(imports)
    text = "\n".join(f"{path.relative_to(root)} {trees[path]}" for path in sorted(trees))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
