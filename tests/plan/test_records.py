"""Snakemake's records, kept beside artifacts and brought back; results that others have written."""

import json
import os
from pathlib import Path

import pytest

from sppnet.errors import SppnetError
from sppnet.plan.origins import Job
from sppnet.plan.records import (
    SAVED,
    missing_since,
    read_records,
    record_path,
    recorded,
    replaced_results,
    restore_records,
    save_records,
    withdraw_records,
)


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, text, time=None):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    if time is not None:
        os.utime(path, (time, time))


def make(output, text="made"):
    """A file and the record of it that Snakemake would write."""
    write(output, text)
    endtime = Path(output).stat().st_mtime
    record = {"params": [text], "endtime": endtime, "starttime": 1.0}
    place = record_path(output)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(record))


def mine(output):
    return output.startswith(("artifacts/a/", "results/t"))


def replaced():
    return list(replaced_results("artifacts/a", read_records()))


def test_records_lie_where_snakemake_puts_them():
    from snakemake.persistence.file import FilePersistence

    for output in ("results/a.csv", "artifacts/" + "a" * 400 + "/x.json"):
        theirs = FilePersistence._record_path(
            type("Any", (), {"_fetch_max_len": lambda self, subject: 255})(),
            ".snakemake/metadata",
            output,
        )
        assert str(record_path(output)) == theirs
        record_path(output).parent.mkdir(parents=True, exist_ok=True)
        record_path(output).write_text("{}")
    assert set(recorded("metadata")) == {"results/a.csv", "artifacts/" + "a" * 400 + "/x.json"}


def test_a_torn_record_and_a_foreign_file_count_as_none():
    make("artifacts/a/x")
    record_path("artifacts/a/y").write_text('{"params": [')
    record_path("z").with_name("not base64!").write_text("{}")
    assert set(read_records()) == {"artifacts/a/x"}


def test_records_go_with_the_artifacts_and_come_back():
    make("artifacts/a/x")
    make("artifacts/b/x")
    make("results/t.csv")
    save_records("artifacts/a", mine)
    before = read_records()
    for output in before:
        record_path(output).unlink()
    (record_path("t").parents[1] / "synced_records.json").unlink()
    restore_records("artifacts/a", mine)
    assert read_records() == {name: before[name] for name in ("artifacts/a/x", "results/t.csv")}


def test_what_this_checkout_has_made_since_is_not_overwritten():
    make("artifacts/a/x")
    save_records("artifacts/a", mine)
    make("artifacts/a/x", "newer")
    restore_records("artifacts/a", mine)
    assert read_records()["artifacts/a/x"]["params"] == ["newer"]


def test_another_commits_records_take_the_place_of_later_ones():
    make("artifacts/a/x", "old")
    make("artifacts/b/x", "other configuration")
    save_records("artifacts/a", mine)
    old = Path("artifacts/a", SAVED).read_text()
    make("artifacts/a/x", "new")
    make("artifacts/a/y", "new")
    save_records("artifacts/a", mine)
    write(f"artifacts/a/{SAVED}", old)  # as `dvc checkout` does
    restore_records("artifacts/a", mine)
    found = {output: record["params"] for output, record in read_records().items()}
    assert found == {"artifacts/a/x": ["old"], "artifacts/b/x": ["other configuration"]}


def test_saving_the_same_again_writes_nothing():
    make("results/t.csv")
    save_records("artifacts/a", mine)
    os.utime(f"artifacts/a/{SAVED}", (5, 5))
    save_records("artifacts/a", mine)
    assert Path("artifacts/a", SAVED).stat().st_mtime == 5


def test_a_result_as_its_job_left_it_is_its_own():
    make("results/t.csv")
    assert replaced() == []


def test_an_edited_result_is_replaced():
    make("results/t.csv")
    save_records("artifacts/a", mine)
    write("results/t.csv", "better number", time=9)
    assert replaced() == ["results/t.csv"]


def test_a_checkout_that_brings_the_same_bytes_replaces_nothing():
    make("results/t.csv")
    save_records("artifacts/a", mine)
    os.utime("results/t.csv", (9, 9))
    assert replaced() == []


def test_a_result_of_a_later_run_is_not_vouched_for_by_an_earlier_one():
    """The bytes are those of the earlier run, the record is of the later."""
    make("results/t.csv", "same")
    save_records("artifacts/a", mine)
    make("results/t.csv", "later")
    write("results/t.csv", "same", time=9)  # as `git checkout` does
    assert replaced() == ["results/t.csv"]


def test_an_edited_result_is_not_vouched_for_by_saving():
    make("results/t.csv")
    save_records("artifacts/a", mine)
    write("results/t.csv", "better", time=9)
    save_records("artifacts/a", mine)
    assert replaced() == ["results/t.csv"]


def test_artifacts_and_deleted_results_are_not_asked_about():
    make("artifacts/a/x")
    os.utime("artifacts/a/x", (9, 9))
    make("results/t.csv")
    Path("results/t.csv").unlink()
    assert replaced() == []


JOBS = [Job("svm", "", ("features",), ("svm",)), Job("detect", "", ("svm",), ("boxes",))]


def since(svm, boxes, unfinished=()):
    records = {"boxes": {"endtime": boxes}}
    if svm is not None:
        records["svm"] = {"starttime": svm, "endtime": svm + 1}
    return list(missing_since(JOBS, records, unfinished))


def test_an_input_tried_again_since_is_missing():
    assert since(svm=20.0, boxes=10.0) == ["svm"]
    assert since(svm=None, boxes=10.0, unfinished=["svm"]) == ["svm"]


def test_an_input_deleted_by_hand_is_not():
    assert since(svm=5.0, boxes=10.0) == []
    assert since(svm=None, boxes=10.0) == []


def test_an_input_that_is_there_is_not_missing(tmp_path):
    (tmp_path / "svm").touch()
    assert since(svm=20.0, boxes=10.0, unfinished=["svm"]) == []


def test_records_of_others_are_not_brought_back():
    """An artifacts folder that was copied for another configuration holds the first one's."""
    make("artifacts/a/x", "old")
    save_records("artifacts/a", mine)
    write("artifacts/b/records.json", Path("artifacts/a", SAVED).read_text())
    make("artifacts/a/x", "new")
    restore_records("artifacts/b", lambda output: output.startswith("artifacts/b/"))
    assert read_records()["artifacts/a/x"]["params"] == ["new"]


@pytest.mark.parametrize(
    "text", ['{"records": {', "{}", "[]", "null", '{"records": [], "results": {}}']
)
def test_saved_records_that_cannot_be_read_cost_none(text):
    make("artifacts/a/x")
    write(f"artifacts/a/{SAVED}", text)
    with pytest.raises(SppnetError, match=r"records\.json: cannot be read; restore it"):
        restore_records("artifacts/a", mine)
    assert set(read_records()) == {"artifacts/a/x"}


def test_withdrawn_records_count_again_when_they_come_back():
    make("artifacts/a/x", "old")
    save_records("artifacts/a", mine)
    saved = Path("artifacts/a", SAVED).read_text()
    withdraw_records("artifacts/a")
    make("artifacts/a/x", "new")
    write(f"artifacts/a/{SAVED}", saved)  # as `dvc checkout` does
    restore_records("artifacts/a", mine)
    assert read_records()["artifacts/a/x"]["params"] == ["old"]
