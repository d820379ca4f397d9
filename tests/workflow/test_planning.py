"""Calls of Snakemake and make on a checkout in which nothing is built."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from test_failures import jobs_of, start_snakemake

ROOT = Path(__file__).resolve().parents[2]
SAY_CAUSE = ROOT / "workflow/scripts/say_cause.sh"


@pytest.fixture
def fresh(checkout, tmp_path):
    path = tmp_path / "repository"
    shutil.copytree(checkout.path, path, ignore=shutil.ignore_patterns("artifacts", ".snakemake"))
    return type(checkout)(path)


def listing(folder):
    """Kind, size, time and contents of everything in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.stat()
        text = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        found[str(path)] = (state.st_mode, state.st_size, state.st_mtime_ns, text)
    return found


def test_a_dry_run_changes_nothing(fresh):
    mine = fresh.path / "results/table9.csv"
    mine.parent.mkdir()
    mine.write_text("of somebody else")
    before = listing(fresh.path)
    assert "pretrain" in fresh.plan()
    assert listing(fresh.path) == before


def test_a_dry_run_needs_no_right_to_write(fresh):
    table = fresh.path / "results/table9.csv"
    table.parent.mkdir()
    table.write_text("committed")
    script = (
        f"mount --bind {fresh.path} {fresh.path} && mount -o remount,ro,bind {fresh.path} && "
        f"cd {fresh.path} && snakemake --dry-run"
    )
    possible = (
        shutil.which("unshare")
        and not subprocess.run(
            ["unshare", "-m", "true"], check=False, capture_output=True
        ).returncode
    )
    if not possible:
        pytest.skip("no right to mount")
    assert "This was a dry-run" in fresh.run("unshare", "-m", "sh", "-c", script).stdout


def refused(tree, *words):
    done = tree.run(*words, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def test_a_swallowed_target_and_a_mistyped_configuration_are_one_line(fresh):
    given = ("--configfile", "config/mini.yaml")
    line = refused(fresh, "snakemake", "--cores", "1", *given, "results/table9.csv")
    assert "--configfile config/mini.yaml -- results/table9.csv" in line
    line = refused(fresh, "snakemake", "--cores", "1", "--configfile", "config/min.yaml")
    assert "config/min.yaml: no such configuration" in line


def test_a_target_of_another_configuration_is_one_line(fresh):
    line = refused(fresh, "snakemake", "--dry-run", "--", "results/voc07/table9.csv")
    assert line.startswith("snakemake: results/voc07/table9.csv: not made by this configuration")


def test_a_killed_job_says_what_killed_it(fresh):
    process = start_snakemake(fresh, "--cores", "1", "--", "results/table1.csv", error="error.txt")
    while process.poll() is None and not jobs_of(process):
        time.sleep(0.02)
    os.kill(jobs_of(process)[0][0], signal.SIGKILL)
    assert process.wait() == 1
    text = (fresh.path / "error.txt").read_text()
    assert "snakemake: the job was killed by signal 9 (SIGKILL): memory ran out" in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (137, "SIGKILL"),
        (143, "SIGTERM"),
        (152, "processor time"),
        (139, "SIGSEGV"),
        (1, ""),
        (0, ""),
    ],
)
def test_causes_are_told_by_the_exit_status(status, words):
    command = ["bash", str(SAY_CAUSE), str(status)]
    text = subprocess.run(command, check=True, text=True, capture_output=True).stderr
    assert words in text and bool(text) == bool(words)


def test_a_full_disk_is_told(tmp_path):
    df = tmp_path / "df"
    df.write_text("#!/bin/sh\necho Avail\necho 4\n")
    df.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["bash", str(SAY_CAUSE), "1"]
    done = subprocess.run(command, check=True, text=True, capture_output=True, env=environment)
    assert "the disk is full" in done.stderr


def test_cores_and_memory_are_bounded_by_the_machine(fresh):
    done = fresh.run("snakemake", "--cores", "1000", "--", "results/table1.csv")
    available = len(os.sched_getaffinity(0))
    assert f"Provided cores: {available}" in done.stderr
    assert "Provided resources: mem_mb=" in done.stderr


@pytest.mark.parametrize(
    ("target", "config"),
    [
        ("results/table2.csv", "mini"),
        ("results/figures/detections.png", "mini"),
        ("results/voc07/table9.csv", "voc07"),
        ("results/voc07/figures/detections.png", "voc07"),
    ],
)
def test_make_builds_each_file_by_its_path_on_all_cores(target, config):
    words = ["make", "--dry-run", "--silent", "--old-file=.venv/.installed", target]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        words, cwd=ROOT, check=True, text=True, capture_output=True, env=environment
    )
    call = f"snakemake --cores all --configfile config/{config}.yaml -- {target}"
    assert call in done.stdout.splitlines()
