"""A checkout with a tiny configuration, built once by DVC and Snakemake, and copies of it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = Path(__file__).parent / "tiny.yaml"
BIN = Path(sys.executable).parent
PARTS = ("workflow", "config", "sppnet", "dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config")


@dataclass(frozen=True)
class Tree:
    """A checkout, and commands run in it."""

    path: Path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of this environment's programs; fail with its output unless it succeeds."""
        environment = os.environ | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
            "DVC_NO_ANALYTICS": "1",
        }
        done = subprocess.run(
            command, cwd=self.path, env=environment, text=True, capture_output=True, check=False
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)}:\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}")
        return done

    def plan(self, *arguments: str) -> dict[str, int]:
        """Jobs that Snakemake would run, by rule; empty when there is nothing to do."""
        done = self.run("snakemake", "--cores", "2", "--dry-run", *arguments)
        if "Nothing to be done" in done.stdout + done.stderr:
            return {}
        table = done.stdout.split("Job stats:")[-1]
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))
        return {name: int(count) for name, count in jobs.items() if name not in ("all", "total")}

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text that occurs once in a file."""
        text = (self.path / file).read_text()
        assert text.count(old) == 1, f"{old!r} in {file}"
        (self.path / file).write_text(text.replace(old, new))

    def commit(self, message: str) -> None:
        """Record everything that git does not ignore."""
        self.run("git", "add", "--all")
        name = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        self.run("git", *name, "commit", "--quiet", "--message", message)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A git and DVC repository with the tiny configuration as its default; nothing is built."""
    path = tmp_path_factory.mktemp("checkout") / "repository"
    for part in PARTS:
        source, target = ROOT / part, path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    shutil.copy(TINY, path / "config/mini.yaml")
    tree = Tree(path)
    tree.run("git", "init", "--quiet")
    tree.run("dvc", "remote", "add", "--quiet", "--default", "store", str(path.parent / "store"))
    tree.commit("start")
    return tree


@pytest.fixture(scope="session")
def built(checkout: Tree) -> Tree:
    """The checkout after `dvc repro`, committed; not to be changed."""
    checkout.run("dvc", "repro")
    checkout.commit("built")
    return checkout


@pytest.fixture
def tree(built: Tree, tmp_path: Path) -> Iterator[Tree]:
    """A copy of the built checkout, file times and all, that a test may change."""
    path = tmp_path / "repository"
    shutil.copytree(built.path, path, symlinks=True)
    yield Tree(path)
    shutil.rmtree(path)
