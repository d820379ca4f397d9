import os
import subprocess
import sys

import pytest

from sppnet.cli import COMMANDS, PLANNED_CODE
from sppnet.code_hash import package_hash


def sppnet(*words):
    return subprocess.run(
        [sys.executable, "-m", "sppnet", *words], capture_output=True, text=True, check=False
    )


def test_help_lists_every_verb():
    result = sppnet("--help")
    assert result.returncode == 0
    for verb in COMMANDS:
        assert verb in result.stdout


def test_known_error_is_one_line_and_exit_status_two(tmp_path):
    result = sppnet("show", str(tmp_path / "absent.csv"))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "absent.csv" in result.stderr


def test_unknown_verb_is_refused():
    assert sppnet("no-such-verb").returncode == 2


def test_import_of_the_package_does_not_import_torch():
    code = "import sys, sppnet; assert 'torch' not in sys.modules; sppnet.pool_windows"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_exist():
    import sppnet as package

    for name in package.__all__:
        assert callable(getattr(package, name))
    with pytest.raises(AttributeError):
        package.no_such_name  # noqa: B018


def planned(code: str) -> subprocess.CompletedProcess[str]:
    """A command of a run that was planned with this code of the package."""
    words = [sys.executable, "-m", "sppnet", "show", "--help"]
    return subprocess.run(
        words, env=os.environ | {PLANNED_CODE: code}, text=True, capture_output=True, check=False
    )


def test_a_job_works_with_the_planned_code_only():
    assert planned(package_hash()).returncode == 0
    refused = planned("another")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert "code of sppnet has changed since this run was planned" in refused.stderr
