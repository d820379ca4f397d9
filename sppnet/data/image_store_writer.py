"""Writing a store of images: shard by shard, in processes, continued where it was killed."""

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sppnet.data.decoding import read_unchanged
from sppnet.data.image_store import COLUMNS, INDEX, encode, shard_path
from sppnet.data.manifest import ImageRecord
from sppnet.data.settings import Store, StoredForm
from sppnet.data.store import atomic_path, read_json, write_json
from sppnet.errors import SppnetError
from sppnet.progress import track


@dataclass(frozen=True)
class _Job:
    """One shard to write."""

    shard: int
    records: Sequence[ImageRecord]
    form: StoredForm
    folder: Path

    @property
    def rows(self) -> Path:
        """Written last: where it is, the shard is whole."""
        return self.folder / f"{self.shard:05d}.json"


def write_image_store(
    output: Path,
    records: Sequence[ImageRecord],
    form: Store,
    *,
    workers: int,
    restart: Path,
) -> None:
    """Write a store; it appears under its name only when it is whole.

    Args:
        output: folder of the store; one that is there is replaced.
        records: images in the order of the store.
        form: how images are held, and how many in a shard.
        workers: processes, one shard each at a time; 1 works in this one.
        restart: folder for finished shards (see `restart_directory`); a run that was killed
            continues after them.

    Raises:
        SppnetError: an image has changed since it was read for the manifest, or a worker died.
    """
    size = form.shard_images
    parts = [records[i : i + size] for i in range(0, len(records), size)]
    jobs = [_Job(number, part, form, restart) for number, part in enumerate(parts)]
    waiting = [job for job in jobs if not job.rows.exists()]
    for _ in track(_work(waiting, workers), f"shards of {size} images", len(waiting)):
        pass
    _publish(output, [row for job in jobs for row in read_json(job.rows)], form, restart)


def _work(jobs: Sequence[_Job], workers: int) -> Iterator[None]:
    if workers == 1:
        yield from map(_write_shard, jobs)
        return
    try:
        with ProcessPoolExecutor(workers) as pool:
            yield from pool.map(_write_shard, jobs)
    except BrokenProcessPool:
        raise SppnetError(
            f"--workers {workers}: a process died, perhaps for want of memory; use fewer"
        ) from None


def _write_shard(job: _Job) -> None:
    rows = []
    with atomic_path(shard_path(job.folder, job.shard)) as temporary, temporary.open("wb") as file:
        for record in job.records:
            stored, row = _entry(record, job.form)
            rows.append(row | {"shard": job.shard, "offset": file.tell()})
            file.write(stored)
    write_json(job.rows, rows)


def _entry(record: ImageRecord, form: StoredForm) -> tuple[bytes, dict[str, Any]]:
    path = Path(record.path)
    data = read_unchanged(path, record.sha256)
    stored, width, height = encode(data, path, form)
    named = {name: getattr(record, name) for name in ("dataset", "split", "image", "label")}
    size = {"width": width, "height": height, "length": len(stored)}
    return stored, named | size | {"sha256": sha256(stored).hexdigest()}


def _publish(output: Path, rows: list[dict[str, Any]], form: StoredForm, restart: Path) -> None:
    """Bring index and shards under the name of the store, then forget the unfinished work."""
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        for shard in {row["shard"] for row in rows}:
            _link(shard_path(restart, shard), shard_path(partial, shard))
        sizes = {"size": str(form.size or ""), "quality": str(form.quality or "")}
        table = pa.Table.from_pylist(rows, schema=COLUMNS.with_metadata(sizes))
        pq.write_table(table, partial / INDEX)
        if output.exists():
            shutil.rmtree(output)
        partial.replace(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(restart)


def _link(source: Path, target: Path) -> None:
    """A second name for a large file, or a copy where that cannot be, as across file systems."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
