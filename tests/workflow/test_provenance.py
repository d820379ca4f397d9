"""Outputs of known and of unknown origin: clones, pulls, foreign files."""

import os
import shutil

from sppnet.plan.records import record_path


def clone(tree, path):
    tree.run("git", "clone", "--quiet", str(tree.path), str(path))
    return type(tree)(path)


def record_of(tree, output):
    return tree.path / record_path(output)


def test_a_pulled_clone_has_nothing_to_do(built, tmp_path):
    built.run("dvc", "push")
    copy = clone(built, tmp_path / "clone")
    copy.run("dvc", "pull")
    assert copy.plan() == {}
    assert "didn't change, skipping" in copy.run("dvc", "repro").stdout
    copy.edit("config/mini.yaml", "regularisation: 1000", "regularisation: 2000")
    plan = copy.plan("results/table9.csv")
    assert plan == {"train_bbox": 1, "detect": 1, "evaluate": 1, "tabulate_detection": 1}


def test_a_clone_without_artifacts_builds_its_tables(built, tmp_path):
    copy = clone(built, tmp_path / "clone")
    assert (copy.path / "results/table9.csv").exists()
    plan = copy.plan("results/table9.csv")
    assert {"generate", "pretrain", "evaluate", "tabulate_detection"} <= set(plan)
    assert "draw_detections" in copy.plan()


def test_results_without_records_are_rebuilt_alone(tree):
    table = ("results/table9.csv", "results/table9.json")
    tree.run("snakemake", "--cores", "1", "--cleanup-metadata", *table)
    assert tree.plan() == {"tabulate_detection": 1}


def test_an_artifact_of_unknown_origin_stops_the_run(tree):
    record_of(tree, "artifacts/mini/detectors/spp/svm.json").unlink()
    done = tree.run("snakemake", "--cores", "1", check=False)
    assert done.returncode == 2
    assert "svm.json: one of 1 artifacts" in done.stderr.splitlines()[-1]
    assert "dvc pull" in done.stderr.splitlines()[-1]


def test_files_that_no_rule_makes_are_left_alone(tree):
    paths = []
    for name in ("artifacts/mini/detectors/spp/mine.txt", "results/notes/today.txt"):
        path = tree.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
        os.utime(path, (10**9, 10**9))
        paths.append(path)
    assert tree.plan() == {}
    assert {path.stat().st_mtime for path in paths} == {10**9}


def test_a_job_on_a_cluster_refuses_another_configuration_than_the_planned(checkout, monkeypatch):
    """It reads the configuration again, which may have been edited while it waited."""
    job = ("snakemake", "--mode", "subprocess", "--cores", "1", "--", "results/table1.csv")
    monkeypatch.setenv("SPPNET_PLANNED_SETTINGS", "those of before")
    done = checkout.run(*job, check=False)
    assert done.returncode == 2
    assert "configuration has changed since this run was planned" in done.stderr.splitlines()[-1]


def test_an_edited_table_is_built_again(tree):
    table = tree.path / "results/table9.csv"
    before = table.read_text()
    table.write_text(before.replace("pool5,", "pool5,9"))
    assert tree.plan("results/table9.csv") == {"tabulate_detection": 1}
    tree.run("snakemake", "--cores", "1", "--", "results/table9.csv")
    assert table.read_text() == before


def test_tables_of_another_run_are_not_taken_for_this_ones(tree):
    """As `git pull` brings them, with the settings unchanged."""
    for name in ("table9.csv", "table9.json"):
        path = tree.path / "results" / name
        path.write_text(path.read_text().replace("1", "2"))
    assert tree.plan("results/table9.csv") == {"tabulate_detection": 1}


def test_new_times_of_the_same_table_rebuild_nothing(tree):
    (tree.path / "results/table9.csv").touch()
    assert tree.plan() == {}


def test_lost_records_are_found_beside_the_artifacts(tree):
    shutil.rmtree(tree.path / ".snakemake")
    assert tree.plan() == {}


def test_records_lost_in_both_places_stop_the_run(tree):
    shutil.rmtree(tree.path / ".snakemake")
    (tree.path / "artifacts/mini/records.json").unlink()
    done = tree.run("snakemake", "--cores", "1", check=False)
    assert done.returncode == 2 and "of unknown origin" in done.stderr
    tree.run("snakemake", "--cores", "1", "--touch", "--forceall")
    assert tree.plan() == {}
    tree.edit("config/mini.yaml", "regularisation: 1000", "regularisation: 2000")
    assert "train_bbox" in tree.plan()


def test_another_configuration_is_left_alone(tree):
    """Its run neither changes what DVC tracks of this one nor plans anything here."""
    text = (tree.path / "config/mini.yaml").read_text()
    text = text.replace("artifacts/mini", "artifacts/other").replace(": results", ": results/other")
    (tree.path / "config/other.yaml").write_text(text)
    other = ("--configfile", "config/other.yaml", "--", "results/other/table1.csv")
    tree.run("snakemake", "--cores", "2", *other)
    assert (tree.path / "results/other/table1.csv").exists()
    assert "up to date" in tree.run("dvc", "status").stdout
    assert tree.plan() == {}
    assert tree.plan(*other) == {}


def test_a_failing_stage_leaves_what_is_committed(tree):
    tree.edit("config/mini.yaml", "  cost: 0.001", "  cost: 0.002")
    broken = tree.path / "sppnet/commands/train_svm.py"
    broken.write_text(broken.read_text() + "\nraise RuntimeError\n")
    assert tree.run("dvc", "repro", check=False).returncode
    status = tree.run("git", "status", "--short").stdout.split()
    assert set(status) == {"M", "config/mini.yaml", "sppnet/commands/train_svm.py"}
