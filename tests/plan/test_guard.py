"""What is refused, and what is built again, before anything is planned."""

from pathlib import Path

import pytest
import yaml

from sppnet.config.settings import check_settings
from sppnet.errors import SppnetError
from sppnet.plan.guard import check_given, check_targets, out_of_date, refuse_unknown
from sppnet.plan.origins import Job
from sppnet.plan.sources import Digests, ImageSet

ROOT = Path(__file__).resolve().parents[2]
BACKBONE = "data/weights/squeezenet_v1.0_decoded_fp32.npz"
READ = Job("prepare_voc []", "", (), ("a/voc.parquet",))
IMPORT = Job("import_weights []", "", (BACKBONE,), ("a/backbone",))
TABLE = Job("tabulate_detection []", "", ("a/voc.parquet", "a/backbone"), ("r/t.csv", "r/t.json"))


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def touch(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def check(jobs, sets=None, source=None):
    config = yaml.safe_load((ROOT / "config/voc07.yaml").read_text())
    if source:
        config["networks"]["squeezenet_crop"]["imported_backbone"] = {
            "source": source,
            "freeze": True,
        }
    check_given(jobs, check_settings(config), sets or {}, Digests(Path("digests.json")))


def test_a_missing_file_of_weights_is_named_with_its_setting():
    with pytest.raises(
        SppnetError, match=rf"networks\.\w+\.imported_backbone\.source: {BACKBONE}: no such file"
    ):
        check([IMPORT])
    touch(BACKBONE)
    check([READ, IMPORT, TABLE])


def test_a_missing_package_is_named_with_its_setting_where_it_is_needed():
    folder, package = "artifacts/voc07/networks", "package:no-such-weights==1.2"
    check([Job("a []", "", (), (f"{folder}/squeezenet_spp.backbone.safetensors",))], source=package)
    importing = Job("a []", "", (), (f"{folder}/squeezenet_crop.backbone.safetensors",))
    line = (
        r"networks\.squeezenet_crop\.imported_backbone\.source: package no-such-weights: not inst"
    )
    with pytest.raises(SppnetError, match=line):
        check([importing], source=package)


def test_a_target_of_another_configuration_is_refused_with_the_tables_of_this_one():
    def makes(target):
        return target == "r/t.csv"

    touch("r/voc07/t.csv")  # committed
    check_targets(["r/t.csv"], makes, ["r/t.csv", "r/t.png"])
    with pytest.raises(SppnetError, match=r"r/voc07/t\.csv: not made by.* tables are r/t\.csv; "):
        check_targets(["r/voc07/t.csv"], makes, ["r/t.csv", "r/t.png"])


def test_files_that_jobs_make_need_not_be_there():
    check([READ, Job("evaluate []", "", ("a/voc.parquet",), ("x",))])


def test_only_sets_that_the_jobs_read_must_be_there():
    def missing():
        raise SppnetError("nowhere")

    sets = {"prepare_voc": ImageSet("data.voc", missing)}
    check([Job("tabulate_architectures []", "", (), ("r/table1.csv",))], sets)
    with pytest.raises(SppnetError, match=r"data\.voc: nowhere"):
        check([READ], sets)


def test_artifacts_without_a_record_are_refused_unless_no_rule_makes_them():
    touch("a/voc.parquet", "a/photographs/mine.jpg")
    refuse_unknown("a", {"a/voc.parquet"}, lambda file: "voc" in file)
    with pytest.raises(SppnetError, match=r"a/voc\.parquet: one of 1 artifacts"):
        refuse_unknown("a", set(), lambda file: "voc" in file)


def test_files_in_a_recorded_folder_are_known():
    touch("a/scenes/deep/1.jpg", "a/.voc.partial")
    refuse_unknown("a", {"a/scenes"}, lambda file: True)


def stale(records, unfinished=()):
    return out_of_date([READ, IMPORT, TABLE], "a", records, unfinished)


def test_results_without_a_record_are_built_again():
    touch("r/t.csv", "r/t.json", "r/other.csv", "a/backbone")
    made = {"starttime": 1, "endtime": Path("r/t.csv").stat().st_mtime}
    assert stale({"r/t.csv": made}) == {"r/t.json"}


def test_results_that_are_not_there_are_left_to_snakemake():
    assert stale({}) == set()


def test_edited_results_are_built_again():
    touch("r/t.csv")
    assert stale({"r/t.csv": {"starttime": 1, "endtime": 2}}) == {"r/t.csv"}


def test_what_is_missing_since_a_failure_is_built_again():
    touch("r/t.csv")
    made = {"starttime": 1, "endtime": Path("r/t.csv").stat().st_mtime}
    later = {"starttime": made["endtime"] + 1, "endtime": made["endtime"] + 2}
    assert stale({"r/t.csv": made, "a/backbone": later}) == {"a/backbone"}
    assert stale({"r/t.csv": made}, unfinished=["a/voc.parquet"]) == {"a/voc.parquet"}
