"""Inspections that survive a kill: a line per picture, for sets that take hours to decode."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from sppnet.data.archives import containing_file
from sppnet.data.inspection import Inspection, iterate_inspections
from sppnet.data.manifest import Problem

Stamp = list[int]


def inspect_resumably(
    paths: Sequence[Path], *, workers: int, description: str, journal: Path
) -> list[Inspection]:
    """As `inspect_images`; pictures that the journal holds are not decoded again.

    An entry holds as long as the picture's file, or the archive that contains it, has the same size
    and modification time.

    Args:
        paths: picture files or members of archives.
        workers: processes; 1 works in this one.
        description: name of the progress bar.
        journal: file of JSON lines; appended to, after the last complete line.
    """
    stamp = cache(_stamp)
    inspections = {
        inspection.path: inspection
        for inspection, old_stamp in _complete_lines(journal)
        if old_stamp == stamp(containing_file(inspection.path))
    }
    pending = [path for path in paths if path not in inspections]
    with journal.open("a") as file:
        for inspection in iterate_inspections(pending, workers=workers, description=description):
            entry = {**asdict(inspection), "stamp": stamp(containing_file(inspection.path))}
            file.write(json.dumps(entry, default=str) + "\n")
            file.flush()
            inspections[inspection.path] = inspection
    return [inspections[path] for path in paths]


def _stamp(file: Path) -> Stamp:
    if not file.exists():
        return []
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _complete_lines(journal: Path) -> Iterator[tuple[Inspection, Stamp]]:
    lines = journal.read_text().splitlines(keepends=True) if journal.exists() else []
    entries: list[dict[str, Any]] = []
    for line in lines:
        if not line.endswith("\n"):
            break
        entries.append(json.loads(line))
    journal.write_text("".join(lines[: len(entries)]))
    for entry in entries:
        stamp = entry.pop("stamp")
        yield _inspection(entry), stamp


def _inspection(entry: dict[str, Any]) -> Inspection:
    width, height = entry.pop("size")
    stored_width, stored_height = entry.pop("stored_size")
    return Inspection(
        path=Path(entry.pop("path")),
        size=(width, height),
        stored_size=(stored_width, stored_height),
        problems=[Problem(**problem) for problem in entry.pop("problems")],
        **entry,
    )
