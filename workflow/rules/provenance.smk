"""Why an output can be trusted: hashes of the code, and a guard against unknown origins."""

import ast
import hashlib
import os
import sys
from base64 import urlsafe_b64decode
from functools import cache
from pathlib import Path


@cache
def _parse(path):
    """Syntax tree of a module without its docstrings, and the files of the package it imports."""
    tree = ast.parse(path.read_text())
    modules = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            if isinstance(body[0].value, ast.Constant):
                node.body = body[1:]
        if isinstance(node, ast.ImportFrom):
            parent = path.parents[node.level - 1] if node.level else ROOT
            base = parent.joinpath(*(node.module or "").split("."))
            modules |= {base, *(base / name.name for name in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {ROOT.joinpath(*name.name.split(".")) for name in node.names}
    candidates = {f for m in modules for f in (m.with_suffix(".py"), m / "__init__.py")}
    return ast.dump(tree), sorted(f for f in candidates if f.is_file())


@cache
def code_hash(name):
    """Changes when the behaviour of a module, or of what it imports from the package, may change.

    Comments, docstrings and formatting do not count, nor do file times.
    """
    waiting = [ROOT.joinpath(*name.split(".")).with_suffix(".py")]
    trees = {}
    while waiting:
        path = waiting.pop()
        if path not in trees:
            trees[path], imports = _parse(path)
            waiting.extend(imports)
    text = "\n".join(
        f"{path.relative_to(ROOT)} {trees[path]}" for path in sorted(trees)
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _recorded():
    """Outputs that Snakemake knows: finished ones and those a killed run left behind.

    A record is named after its output in base64; where that is longer than a file name may be,
    Snakemake splits it into folders that start with @.
    """
    known = set()
    for folder in (Path(".snakemake/metadata"), Path(".snakemake/incomplete")):
        for record in folder.rglob("*"):
            parts = record.relative_to(folder).parts
            if record.is_file() and all(part.startswith("@") for part in parts[:-1]):
                name = "".join(part.removeprefix("@") for part in parts)
                try:
                    known.add(urlsafe_b64decode(name).decode())
                except ValueError:
                    continue  # not a record
    return known


def _unrecorded(folder, known):
    """Files under a folder without a record, nor inside a folder that has one."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if str(Path(parent, f)) not in known]
        paths = (Path(parent, file) for file in files if not file.startswith("."))
        yield from (path for path in paths if str(path) not in known)


def require_provenance():
    """Never trust an output that Snakemake has no record of: it would never be rebuilt.

    Results are small and lie in git, so a fresh clone has them: they are made to look old, and
    Snakemake rebuilds them. Artifacts took hours: the run stops and says what can be done.
    """
    no_jobs = {"--touch", "-t", "--unlock", "--lint", "--cleanup-metadata", "--list"}
    if not workflow.is_main_process or no_jobs & set(sys.argv):
        return
    paths, known = config["paths"], _recorded()
    for path in _unrecorded(paths["results"], known):
        os.utime(path, (1, 1))  # not 0, which Snakemake takes for no time at all
    unknown = sorted(map(str, _unrecorded(paths["artifacts"], known)))
    if unknown:
        sys.exit(
            f"snakemake: {unknown[0]}: one of {len(unknown)} artifacts of unknown origin; restore "
            f"their records with `dvc pull`, or delete {paths['artifacts']} to build it "
            "from scratch, or, if you know that they belong to this commit, run "
            "`snakemake --cores 1 --touch --forceall`"
        )
