"""Atomic writing of files, and large arrays on disk that are resumed after a kill."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd

from sppnet.code_hash import package_hash
from sppnet.errors import SppnetError
from sppnet.progress import track

Item = TypeVar("Item")
EVERYTHING = slice(None)
HALF_EXPONENT = np.uint16(0x7C00)  # all bits set: NaN or infinity


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary file in the folder of `path`, renamed to `path` when the block succeeds.

    Its permissions are those that the umask leaves, whatever library writes it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # safetensors puts a file for its owner alone in the place of this
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys, atomically.

    Raises:
        SppnetError: a number is NaN or infinite; JSON has neither.
    """
    try:
        text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False)
    except ValueError:
        key = ".".join(_not_finite(value) or ())
        raise SppnetError(
            f"{path}: {key} is NaN or infinite, which JSON cannot hold; check the stage's inputs"
        ) from None
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n")


def or_null(values: np.ndarray) -> list[float | None]:
    """Values (B,) for JSON: None in place of NaN, which stands for unmeasurable."""
    return [None if np.isnan(value) else float(value) for value in values]


def _not_finite(value: Any) -> tuple[str, ...] | None:
    """Keys that lead to the first number that is not finite."""
    if isinstance(value, float):
        return None if math.isfinite(value) else ()
    parts = value if isinstance(value, Mapping) else {}
    if isinstance(value, list | tuple):
        parts = dict(enumerate(value))
    for key, part in parts.items():
        if (keys := _not_finite(part)) is not None:
            return (str(key), *keys)
    return None


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        SppnetError: the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise SppnetError(f"{path}: no such file; run the stage that writes it") from None
    except ValueError as error:
        raise SppnetError(f"{path}: not valid JSON ({error}); delete it and rebuild it") from None


def read_value(path: Path, *keys: str) -> Any:
    """A value in a JSON file, by the keys that lead to it.

    Raises:
        SppnetError: the file cannot be read, or has no such value.
    """
    return value_in(read_json(path), path, *keys)


def value_in(report: Any, path: Path, *keys: str) -> Any:
    """As `read_value`, of a file that has been read; `path` only names it in errors."""
    value = report
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            raise SppnetError(f"{path}: has no {'.'.join(keys)}; run its stage anew")
        value = value[key]
    return value


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes.

    Raises:
        SppnetError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SppnetError(f"{path}: {error.strerror}; run the stage that writes it") from None


def restart_directory(base: Path, settings: Mapping[str, Any], inputs: Sequence[Path]) -> Path:
    """The folder for a stage's unfinished work, named after all that determines its result.

    The name is a hash of the settings, the contents of the input files and the package's code, so
    work begun with others is never continued.

    Args:
        base: the stage's folder under the untracked work directory.
        settings: everything besides files that changes the result; JSON types or paths.
        inputs: input files.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for path in inputs:
        digest.update(file_sha256(path).encode())
    digest.update(package_hash().encode())
    folder = Path(base) / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_parts(
    items: Sequence[Item],
    size: int,
    write: Callable[[Sequence[Item], Path], None],
    *,
    restart: Path,
    suffix: str,
    task: str,
) -> Iterator[Path]:
    """Write the results of a list in parts, which a resumed run reuses.

    Args:
        items: to compute results of.
        size: items per part; a kill loses at most one part.
        write: writes the results of some items to a file, whole or not at all.
        restart: folder for finished parts (see `restart_directory`).
        suffix: of the files.
        task: description shown with the progress.
    """
    for first in track(range(0, len(items), size), f"{task} x{size}"):
        path = restart / f"part-{first:08d}{suffix}"
        if not path.exists():
            write(items[first : first + size], path)
        yield path


class ArrayWriter:
    """Appends arrays to one flat `.npy` of rows, with a Parquet index beside it.

    The last axis of each array holds the channels; the other axes are flattened to rows. Work in
    progress lies in `restart`: a killed writer, opened again with the same folder, knows the stored
    keys (`done`) and produces the same bytes as an uninterrupted one. The outputs appear under
    their names only when the `with` block ends without error.

    Args:
        path: the `.npy` to write; the index goes to the same name with `.parquet`.
        dtype: element type on disk.
        restart: folder for unfinished work (see `restart_directory`).
    """

    def __init__(self, path: Path, dtype: str, restart: Path) -> None:
        self.path, self.dtype = Path(path), np.dtype(dtype)
        self._data, self._log = restart / "rows.bin", restart / "index.jsonl"
        self._entries = self._complete_entries()
        self.done = {entry["key"] for entry in self._entries}

    def _complete_entries(self) -> list[dict[str, Any]]:
        """Entries whose line and rows are both complete on disk; truncates what follows them."""
        entries: list[dict[str, Any]] = []
        end, size = 0, self._data.stat().st_size if self._data.exists() else 0
        for line in self._log.read_text().splitlines() if self._log.exists() else []:
            try:
                entry = json.loads(line)
            except ValueError:
                break
            stop = end + int(np.prod(entry["shape"])) * self.dtype.itemsize
            if stop > size:
                break
            entries.append(entry)
            end = stop
        with self._data.open("ab") as file:
            file.truncate(end)
        self._log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        return entries

    def __enter__(self) -> Self:
        self._rows, self._lines = self._data.open("ab"), self._log.open("a")
        return self

    def append(self, key: str, array: np.ndarray, clamped: int = 0) -> None:
        """Add one array.

        Args:
            key: its name.
            array: of shape (..., C); C is the same for all.
            clamped: number of values clamped to the limits of the type; a column of the index.
        """
        entry = {"key": key, "shape": list(array.shape), "clamped": clamped}
        self._rows.write(np.ascontiguousarray(array, self.dtype).tobytes())
        self._rows.flush()
        self._lines.write(json.dumps(entry) + "\n")
        self._lines.flush()
        self._entries.append(entry)
        self.done.add(key)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.close()
        self._lines.close()
        if kind is None:
            self._publish()

    def _publish(self) -> None:
        if not self._entries:
            raise SppnetError(f"{self.path}: nothing to store; check that the split has images")
        shapes = [tuple(entry["shape"]) for entry in self._entries]
        rows = [int(np.prod(shape[:-1])) for shape in shapes]
        index = pd.DataFrame(
            {
                "key": [entry["key"] for entry in self._entries],
                "first_row": np.cumsum([0, *rows[:-1]]),
                "shape": [list(shape) for shape in shapes],
                "clamped": [entry["clamped"] for entry in self._entries],
            }
        )
        with atomic_path(self.path) as temporary:
            header = {
                "descr": np.lib.format.dtype_to_descr(self.dtype),
                "fortran_order": False,
                "shape": (sum(rows), shapes[0][-1]),
            }
            with temporary.open("wb") as target, self._data.open("rb") as source:
                np.lib.format.write_array_header_1_0(target, header)
                shutil.copyfileobj(source, target, 16 << 20)
        with atomic_path(self.path.with_suffix(".parquet")) as temporary:
            index.to_parquet(temporary, index=False)
        shutil.rmtree(self._data.parent)


def array_files(paths: Iterable[Path]) -> list[Path]:
    """Both files of each array of `ArrayWriter`: the rows and their index."""
    return [file for path in paths for file in (path, path.with_suffix(".parquet"))]


class ArrayStore:
    """Read access to what `ArrayWriter` wrote; the rows stay on disk, memory-mapped.

    Raises:
        SppnetError: data or index is missing, truncated or does not belong together.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self._rows = np.load(self.path, mmap_mode="r", allow_pickle=False)
            index = pd.read_parquet(self.path.with_suffix(".parquet"))
        except (OSError, ValueError) as error:
            message = (
                f"{self.path}: cannot be read ({error}); delete it and cache the features anew"
            )
            raise SppnetError(message) from None
        self._positions = {
            key: (int(first), tuple(int(side) for side in shape))
            for key, first, shape in zip(
                index["key"], index["first_row"], index["shape"], strict=True
            )
        }
        shapes = [shape for _, shape in self._positions.values()]
        rows = sum(int(np.prod(shape[:-1])) for shape in shapes)
        stored = (rows, *{shape[-1] for shape in shapes})
        if self._rows.shape != stored:
            raise SppnetError(
                f"{self.path}: {self._rows.shape} values, but its index describes {stored}; "
                "delete both and cache the features anew"
            )

    @property
    def channels(self) -> int:
        """Length of the last axis."""
        return int(self._rows.shape[1])

    def keys(self) -> list[str]:
        """Keys in the order in which they were written."""
        return list(self._positions)

    def __contains__(self, key: str) -> bool:
        return key in self._positions

    def __getitem__(self, key: str) -> np.ndarray:
        """The array of `key`, a read-only view of the file.

        Raises:
            SppnetError: no such key.
        """
        if key not in self._positions:
            raise SppnetError(
                f"{self.path}: holds nothing for image {key}; cache the features anew"
            )
        first, shape = self._positions[key]
        rows = int(np.prod(shape[:-1]))
        array: np.ndarray = self._rows[first : first + rows].reshape(shape)
        return array

    def read(self, key: str, rows: slice | np.ndarray = EVERYTHING) -> np.ndarray:
        """The array of `key`, or some entries of its first axis, checked to be finite.

        Args:
            key: its name.
            rows: a slice gives a read-only view of the file, int64 `(K,)` a copy.

        Raises:
            SppnetError: no such key, or a value among these is NaN or infinite.
        """
        values: np.ndarray = self[key][rows]
        if not _all_finite(values):
            raise SppnetError(
                f"{self.path}: damaged, NaN or infinity at image {key}; delete it and cache the "
                "features anew"
            )
        return values


def _all_finite(values: np.ndarray) -> bool:
    if values.dtype != np.float16:
        return bool(np.isfinite(values).all())
    # tested by the bits of the exponent: 12 times faster
    return not (values.view(np.uint16) & HALF_EXPONENT == HALF_EXPONENT).any()
