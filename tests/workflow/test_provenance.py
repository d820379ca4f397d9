"""Outputs of known and of unknown origin: clones, pulls, foreign files."""

import shutil
from pathlib import Path

import pytest


def clone(tree, path):
    tree.run("git", "clone", "--quiet", str(tree.path), str(path))
    return type(tree)(path)


def test_a_pulled_clone_has_nothing_to_do(built, tmp_path):
    built.run("dvc", "push")
    copy = clone(built, tmp_path / "clone")
    copy.run("dvc", "pull")
    assert copy.plan() == {}
    assert "didn't change, skipping" in copy.run("dvc", "repro").stdout
    copy.edit("config/mini.yaml", "regularisation: 1000", "regularisation: 2000")
    plan = copy.plan("results/table9.csv")
    assert plan == {"train_bbox": 1, "detect": 1, "evaluate": 1, "tabulate": 1}


def test_a_clone_without_artifacts_builds_its_tables(built, tmp_path):
    copy = clone(built, tmp_path / "clone")
    assert (copy.path / "results/table9.csv").exists()
    plan = copy.plan("results/table9.csv")
    assert {"generate", "pretrain", "evaluate", "tabulate"} <= set(plan)
    assert "draw_detections" in copy.plan()


def test_results_without_records_are_rebuilt_alone(tree):
    table = ("results/table9.csv", "results/table9.json")
    tree.run("snakemake", "--cores", "1", "--cleanup-metadata", *table)
    assert tree.plan() == {"tabulate": 1}


def test_an_artifact_of_unknown_origin_stops_the_run(tree):
    (tree.path / "artifacts/mini/detectors/spp/copied.json").write_text("{}")
    done = tree.run("snakemake", "--cores", "1", check=False)
    lines = [line for line in done.stderr.splitlines() if "profile" not in line]
    assert done.returncode and len(lines) == 1
    assert "copied.json" in lines[0] and "dvc pull" in lines[0]


def test_lost_records_stop_the_run(tree):
    shutil.rmtree(tree.path / ".snakemake/metadata")
    done = tree.run("snakemake", "--cores", "1", check=False)
    assert done.returncode and "of unknown origin" in done.stderr


def test_artifacts_of_another_configuration_are_left_alone(tree):
    other = tree.path / "artifacts/voc07/timing.json"
    other.parent.mkdir()
    other.write_text("{}")
    assert tree.plan() == {}


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """What workflow/rules/provenance.smk defines, in an empty checkout."""
    monkeypatch.chdir(tmp_path)
    source = Path(__file__).parents[2] / "workflow/rules/provenance.smk"
    names = {"ROOT": tmp_path}
    exec(compile(source.read_text(), str(source), "exec"), names)
    return names


def test_records_with_long_names_are_found(rules, tmp_path):
    from snakemake.persistence.file import FilePersistence

    path = "artifacts/" + "a" * 400 + "/x.json"
    record = FilePersistence._record_path(
        type("Any", (), {"_fetch_max_len": lambda self, subject: 255})(),
        ".snakemake/metadata",
        path,
    )
    Path(record).parent.mkdir(parents=True)
    Path(record).write_text("{}")
    assert rules["_recorded"]() == {path}


def test_files_inside_a_recorded_folder_are_known(rules, tmp_path):
    for name in ("artifacts/scenes/deep/a.jpg", "artifacts/b.json", "artifacts/.c.partial"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")
    found = rules["_unrecorded"]("artifacts", {"artifacts/scenes"})
    assert list(found) == [Path("artifacts/b.json")]


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("top.py", "1 + 1", "1  +  1  # two", False),
        ("top.py", '"""Top."""', '"""Other words."""', False),
        ("top.py", "1 + 1", "1 + 2", True),
        ("low.py", "3", "4", True),
        ("other.py", "5", "6", False),
    ],
)
def test_code_hash(rules, tmp_path, file, old, new, changes):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "top.py").write_text('"""Top."""\nfrom pack.low import C\n\nB = 1 + 1\n')
    (package / "low.py").write_text('"""Low."""\nC = 3\n')
    (package / "other.py").write_text("D = 5\n")
    before = rules["code_hash"]("pack.top")
    text = (package / file).read_text()
    (package / file).write_text(text.replace(old, new))
    rules["code_hash"].cache_clear()
    rules["_parse"].cache_clear()
    assert (rules["code_hash"]("pack.top") != before) == changes
