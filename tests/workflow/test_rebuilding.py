"""What is built again after a change, and what is not, on a tiny but whole pipeline."""

import csv
import json
import re
from pathlib import Path

from sppnet.plan.records import record_path

ROOT = Path(__file__).resolve().parents[2]

ROWS = ["pool5", "fc6", "ftfc6", "ftfc7", "ftfc7 bb", "conv time", "fc time", "total time"]


def test_the_table_is_laid_out_as_in_the_paper(built):
    with (built.path / "results/table9.csv").open() as file:
        table = list(csv.reader(file))
    assert table[0] == ["", "SPP (1-sc) (ZF-5)", "R-CNN (Alex-5)"]
    assert [line[0] for line in table[1:]] == [*ROWS, "speedup (vs. R-CNN)"]
    cells = json.loads((built.path / "results/table9.json").read_text())["columns"]
    assert cells["spp"]["ftfc7_bb"]["n"] == 6 and cells["rcnn"]["ftfc7_bb"]["n"] == 5
    assert cells["spp"]["pool5"]["paper"] == 43.0
    assert (built.path / "results/figures/detections.png").stat().st_size > 1000


def test_a_second_call_has_nothing_to_do(tree):
    assert tree.plan() == {}
    assert "didn't change, skipping" in tree.run("dvc", "repro").stdout


def test_a_setting_rebuilds_exactly_what_depends_on_it(tree):
    tree.edit("config/mini.yaml", "  cost: 0.001", "  cost: 0.002")
    later = {"detect": 2, "evaluate": 2, "measure_speed": 1, "tabulate_detection": 1}
    shown = {"draw_detections": 1, "tabulate_claims": 1, "draw_claims": 1}
    assert tree.plan() == {"train_svm": 2} | later | shown


def test_a_setting_of_one_method_leaves_the_other_alone(tree):
    tree.edit("config/mini.yaml", "regularisation: 1000", "regularisation: 2000")
    assert tree.plan() == {
        "train_bbox": 1,
        "detect": 1,
        "evaluate": 1,
        "tabulate_detection": 1,
    }


def test_swapped_numbers_count_as_a_change(tree):
    tree.edit("config/mini.yaml", "iou: 0.5\n  nms: 0.3", "iou: 0.3\n  nms: 0.5")
    assert tree.plan("results/table9.csv") == {"evaluate": 2, "tabulate_detection": 1}


def test_a_comment_rebuilds_nothing(tree):
    module = tree.path / "sppnet/commands/evaluate.py"
    module.write_text("# A remark.\n" + module.read_text())
    assert tree.plan() == {}


def test_new_code_rebuilds_what_it_computes(tree):
    module = tree.path / "sppnet/commands/evaluate.py"
    module.write_text(module.read_text() + "\n\nCHANGED = True\n")
    assert tree.plan("results/table9.csv") == {"evaluate": 2, "tabulate_detection": 1}


def test_a_way_of_training_leaves_the_others_alone(tree):
    tree.edit("config/mini.yaml", "sizes: [64, 60]", "sizes: [64, 56]")
    plan = tree.plan("results/table2.csv")
    assert plan == {"pretrain": 1, "classify": 1, "tabulate_errors": 1}


def test_how_often_is_timed_is_a_change(tree):
    tree.edit("config/mini.yaml", "  repeats: 1", "  repeats: 2")
    assert tree.plan("results/table9.csv") == {"measure_speed": 1, "tabulate_detection": 1}


def test_two_changes_at_once_are_both_seen(tree):
    """The SVMs are made anew, and the speed is measured with its new number of passes."""
    tree.edit("config/mini.yaml", "  cost: 0.001", "  cost: 0.002")
    tree.edit("config/mini.yaml", "  repeats: 1", "  repeats: 2")
    assert tree.plan("results/table9.csv")["measure_speed"] == 1


def test_settings_of_files_that_are_gone_are_a_change_of_what_was_made_of_them(tree):
    """Neither the SVMs nor a record of them is left: the evaluation itself must know its cost."""
    for name in ("svm.safetensors", "svm.json", "detections.parquet"):
        output = f"artifacts/mini/detectors/spp/{name}"
        (tree.path / output).unlink()
        (tree.path / record_path(output)).unlink()
    assert "evaluate" not in tree.plan("artifacts/mini/detectors/spp/evaluation.json")
    tree.edit("config/mini.yaml", "  cost: 0.001", "  cost: 0.002")
    plan = tree.plan("artifacts/mini/detectors/spp/evaluation.json")
    assert plan == {"train_svm": 1, "detect": 1, "evaluate": 1}


def test_a_set_is_drawn_anew_for_those_who_see_it_only(tree):
    tree.edit("config/mini.yaml", "detection_trainval: 8", "detection_trainval: 9")
    plan = tree.plan()
    assert {"generate": 1, "prepare_voc": 1}.items() <= plan.items()
    assert not {"prepare_image_folder", "prepare_caltech101", "pretrain", "classify"} & set(plan)


def test_ancient_inputs_come_with_one_that_is_not():
    """Alone, an ancient input hides that its job has run: the digest beside it tells."""
    beside = {
        "scenes": r"digest=per_job\(PLAN\.images\.scenes_digest, layout=",
        "stores": r"images=per_job\(PLAN\.networks\.images_read\)",  # the digests of the stores
    }
    text = "".join(path.read_text() for path in (ROOT / "workflow").rglob("*.smk"))
    rules = [rule for rule in re.split(r"^rule ", text, flags=re.MULTILINE) if "ancient(" in rule]
    assert len(rules) == 6
    for rule in rules:
        (name,) = re.findall(r"(\w+)=ancient\(", rule)
        assert re.search(beside[name], rule), rule


def test_another_column_is_a_change(tree):
    tree.edit("config/mini.yaml", "title: crop", "title: centre")
    assert tree.plan("results/table6.csv") == {"tabulate_transfer": 1}


def test_settings_do_not_hang_on_input():
    """Snakemake leaves parameters that are made of `input` out of what it compares."""
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        assert not re.search(r"def \w+_settings\(wildcards, input", path.read_text()), path.name


def test_new_code_far_below_is_noticed(tree):
    module = tree.path / "sppnet/geometry/boxes.py"
    module.write_text(module.read_text() + "\n\nCHANGED = True\n")
    plan = tree.plan()
    assert {"finetune", "train_svm", "detect", "evaluate"} <= set(plan)
    assert not {"generate", "prepare_voc", "prepare_image_folder", "pretrain"} & set(plan)


def test_a_deleted_artifact_is_missed_at_once_and_can_be_restored(tree):
    weights = tree.path / "artifacts/mini/networks/small.safetensors"
    weights.unlink()
    tree.edit("config/mini.yaml", "iou: 0.5\n  nms", "iou: 0.4\n  nms")
    failed = tree.run("dvc", "repro", check=False)
    assert failed.returncode and "small.safetensors: missing" in failed.stderr
    assert "rule evaluate" not in failed.stdout + failed.stderr
    assert tree.run("git", "status", "--short").stdout == " M config/mini.yaml\n"
    tree.edit("config/mini.yaml", "iou: 0.4\n  nms", "iou: 0.5\n  nms")
    tree.run("dvc", "checkout")
    assert weights.exists() and tree.plan() == {}


def test_moved_cells_show_in_both_diffs(tree):
    tree.edit("config/mini.yaml", "iou: 0.5\n  nms", "iou: 0.01\n  nms")
    tree.run("dvc", "repro")
    diff = json.loads(tree.run("dvc", "metrics", "diff", "--json").stdout)
    moved = diff["results/table9.json"]
    assert any(name.startswith("columns.spp.") and name.endswith(".value") for name in moved)
    assert "+ftfc7 bb," in tree.run("git", "diff", "--", "results/table9.csv").stdout
    assert tree.plan() == {}
