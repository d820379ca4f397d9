"""Snakemake's records of its outputs, read and kept beside the artifacts of a configuration.

Snakemake keeps a JSON file for each output in `.snakemake/metadata`, of all configurations
together. DVC moves artifacts, and their records must go with them: `save_records` puts the
records of one configuration into its artifacts folder, `restore_records` brings them back where
`dvc pull` or `dvc checkout` has changed that folder.
"""

import json
import shutil
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sppnet.data.store import file_sha256, write_json
from sppnet.errors import SppnetError
from sppnet.plan.origins import Job

STATE = Path(".snakemake")
SAVED = "records.json"  # in the artifacts folder
SYNCED = "synced_records.json"  # in STATE: digest of each saved file when last read or written
LONGEST_NAME = 254

Record = dict[str, Any]


def copy_state(target: Path) -> None:
    """Copy what Snakemake's folder says about outputs, for a run that must change nothing."""
    target.mkdir(parents=True)
    for kind in ("metadata", "incomplete", "locks"):
        with suppress(shutil.Error, FileNotFoundError):  # another run's come and go
            shutil.copytree(STATE / kind, target / kind)
    with suppress(FileNotFoundError):
        shutil.copy(STATE / SYNCED, target)


def record_path(output: str, kind: str = "metadata", state: Path = STATE) -> Path:
    """Where Snakemake keeps the record of an output.

    It is named after the output in base64; where that is longer than a file name may be, it is
    split into folders that start with @.
    """
    name = urlsafe_b64encode(output.encode()).decode()
    parts = [name[i : i + LONGEST_NAME] for i in range(0, len(name), LONGEST_NAME)]
    return state.joinpath(kind, *(f"@{part}" for part in parts[:-1]), parts[-1])


def recorded(kind: str, state: Path = STATE) -> dict[str, Path]:
    """Outputs with a record of a kind ("metadata" or "incomplete"), and the file of each."""
    paths = {}
    for path in (state / kind).rglob("*"):
        parts = path.relative_to(state / kind).parts
        if path.is_file() and all(part.startswith("@") for part in parts[:-1]):
            name = "".join(part.removeprefix("@") for part in parts)
            try:
                paths[urlsafe_b64decode(name).decode()] = path
            except ValueError:
                continue  # not a record
    return paths


def read_records(state: Path = STATE) -> dict[str, Record]:
    """Records of all outputs, by output; a damaged one is skipped."""
    records = {}
    for output, path in recorded("metadata", state).items():
        try:
            records[output] = json.loads(path.read_text())
        except ValueError:
            continue
    return records


def saved_records(artifacts: str) -> dict[str, Any]:
    """What `save_records` last wrote into an artifacts folder; empty if it never did.

    Raises:
        SppnetError: the file is torn or foreign.
    """
    path = Path(artifacts, SAVED)
    if not path.exists():
        return {"records": {}, "results": {}}
    try:
        saved: dict[str, Any] = json.loads(path.read_text())
        valid = isinstance(saved["records"], dict) and isinstance(saved["results"], dict)
    except (OSError, ValueError, TypeError, KeyError):
        valid = False
    if not valid:
        raise SppnetError(f"{path}: cannot be read; restore it with `dvc checkout`, or delete it")
    return saved


def save_records(artifacts: str, mine: Callable[[str], bool], state: Path = STATE) -> None:
    """Keep the records of a configuration's outputs, and digests of its results, beside them.

    Args:
        artifacts: folder of the configuration; gets the file `SAVED`.
        mine: whether an output is one of the configuration.
        state: Snakemake's folder.
    """
    everything = read_records(state)
    records = {output: everything[output] for output in sorted(everything) if mine(output)}
    replaced = set(replaced_results(artifacts, records))
    results = [path for path in _results(artifacts, records) if path not in replaced]
    digests = {path: file_sha256(Path(path)) for path in results}
    saved = {"records": records, "results": digests}
    if saved != saved_records(artifacts):
        write_json(Path(artifacts, SAVED), saved)
    _mark_synced(Path(artifacts, SAVED), state)


def withdraw_records(artifacts: str, state: Path = STATE) -> None:
    """Remove the saved records before a run changes the artifacts.

    A killed run cannot save new ones. Without saved records, only Snakemake's own count, if any.
    """
    path = Path(artifacts, SAVED)
    path.unlink(missing_ok=True)
    synced = _synced(state)
    if synced.pop(str(path), None):
        write_json(state / SYNCED, synced)


def restore_records(artifacts: str, mine: Callable[[str], bool], state: Path = STATE) -> None:
    """Take over the records beside the artifacts, where DVC has changed both since the last run.

    Args: as in `save_records`.
    """
    path = Path(artifacts, SAVED)
    if not path.exists() or _synced(state).get(str(path)) == file_sha256(path):
        return
    saved = saved_records(artifacts)
    for kind in ("metadata", "incomplete"):
        for output, file in recorded(kind, state).items():
            if mine(output):
                file.unlink()
    for output in filter(mine, saved["records"]):
        target = record_path(output, state=state)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(saved["records"][output]))
    _mark_synced(path, state)


def _synced(state: Path) -> dict[str, str]:
    try:
        synced: dict[str, str] = json.loads((state / SYNCED).read_text())
    except (OSError, ValueError):
        return {}
    return synced


def _mark_synced(path: Path, state: Path) -> None:
    synced, entry = _synced(state), {str(path): file_sha256(path)}
    if synced | entry != synced:
        write_json(state / SYNCED, synced | entry)


def _results(artifacts: str, records: Iterable[str]) -> Iterator[str]:
    """Recorded files that exist and are not artifacts."""
    for path in map(Path, records):
        if not path.is_relative_to(artifacts) and path.is_file():
            yield str(path)


def replaced_results(artifacts: str, records: Mapping[str, Record]) -> Iterator[str]:
    """Result files that are not, byte for byte, what the recorded job wrote.

    They were edited, or came by git from a run elsewhere. A file is the job's own if its
    modification time is that of the record, or its digest that of the saved records.

    Args:
        artifacts: folder with the saved records.
        records: of the configuration's outputs.
    """
    saved = saved_records(artifacts)
    for path in _results(artifacts, records):
        if Path(path).stat().st_mtime == records[path]["endtime"]:
            continue
        digest = saved["results"].get(path)
        if saved["records"].get(path) != records[path] or digest != file_sha256(Path(path)):
            yield path


def missing_since(
    jobs: Iterable[Job], records: Mapping[str, Record], unfinished: Iterable[str]
) -> Iterator[str]:
    """Missing files whose job was started again after something was made from them.

    The job failed or was killed, and Snakemake has removed its outputs. What was made from the
    earlier ones is out of date, although no remaining file shows it.

    Args:
        jobs: all that the requested files depend on.
        records: of the outputs.
        unfinished: outputs whose job has started and not ended.
    """
    unfinished = set(unfinished)
    for job in jobs:
        ends = [records[output]["endtime"] for output in job.outputs if output in records]
        for file in job.inputs:
            restarted = file in records and any(records[file]["starttime"] > end for end in ends)
            if (restarted or (ends and file in unfinished)) and not Path(file).exists():
                yield file
