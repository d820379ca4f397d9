"""The manifest of a data set: one Parquet row per image."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError

COLUMNS = pa.schema(
    [
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("image", pa.string()),
        ("path", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sha256", pa.string()),
        ("label", pa.string()),
        ("class_names", pa.list_(pa.string())),
        ("boxes", pa.list_(pa.list_(pa.float32()))),
        ("difficult", pa.list_(pa.bool_())),
    ]
)


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """One image of a data set and its annotation.

    Attributes:
        dataset: "classification" or "detection".
        split: "train" or "val"; in detection "trainval" or "test".
        image: id, unique in the data set.
        path: image file.
        width: pixels, upright.
        height: pixels, upright.
        sha256: of the file.
        label: class of the whole image (classification only).
        class_names: class of each object.
        boxes: float32 `(R, 4)`, x1 y1 x2 y2, 0-based and half-open, in pixels.
        difficult: bool `(R,)`, objects that the evaluation ignores.
    """

    dataset: str
    split: str
    image: str
    path: str
    width: int
    height: int
    sha256: str
    label: str | None = None
    class_names: tuple[str, ...] = ()
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    difficult: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


@dataclass(frozen=True)
class Problem:
    """Something wrong in a data set, and what was done about it."""

    path: str
    problem: str
    action: str


def write_problems(path: Path, problems: Iterable[Problem]) -> None:
    """Write the problems as CSV with the columns path, problem, action, atomically."""
    rows = [(problem.path, problem.problem, problem.action) for problem in problems]
    with (
        atomic_path(path) as temporary,
        # Names on disk need not be UTF-8; what is not is written as \xNN.
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        csv.writer(file, lineterminator="\n").writerows([("path", "problem", "action"), *rows])


def write_manifest(path: Path, records: Iterable[ImageRecord]) -> None:
    """Write the records to a Parquet file, atomically."""
    rows = [
        {
            **{name: getattr(record, name) for name in COLUMNS.names},
            "class_names": list(record.class_names),
            "boxes": record.boxes.tolist(),
            "difficult": record.difficult.tolist(),
        }
        for record in records
    ]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=COLUMNS), temporary)


def read_manifest(
    path: Path, dataset: str | None = None, split: str | None = None
) -> list[ImageRecord]:
    """Read the records of a data set and split (all when None), in the order written.

    Raises:
        SppnetError: the file cannot be read, or holds no such image.
    """
    try:
        table = pq.read_table(path).select(COLUMNS.names).cast(COLUMNS)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise SppnetError(f"{path}: not a manifest ({error}); prepare its set again") from None
    # Filtered before conversion: a stage often needs one small split of ImageNet's 1.3 million.
    for column, value in (("dataset", dataset), ("split", split)):
        if value is not None:
            table = table.filter(pc.field(column) == value)
    records = [_record(row) for row in table.to_pylist()]
    if not records:
        raise SppnetError(f"{path}: no image of data set {dataset}, split {split}; prepare it")
    return records


def _record(row: dict[str, object]) -> ImageRecord:
    values = dict(row)
    values["class_names"] = tuple(values["class_names"])  # type: ignore[arg-type]
    values["boxes"] = np.array(values["boxes"], np.float32).reshape(-1, 4)
    values["difficult"] = np.array(values["difficult"], bool)
    return ImageRecord(**values)  # type: ignore[arg-type]


def class_list(records: Iterable[ImageRecord]) -> tuple[str, ...]:
    """Names of the classes that occur, as labels or as objects, sorted."""
    names = {name for record in records for name in record.class_names}
    return tuple(sorted(names | {record.label for record in records if record.label}))


def ground_truth_frame(records: Iterable[ImageRecord]) -> pd.DataFrame:
    """One row per object: image, class_name, x1, y1, x2, y2, difficult."""
    rows = [
        (record.image, name, *box, hard)
        for record in records
        for name, box, hard in zip(
            record.class_names, record.boxes.tolist(), record.difficult.tolist(), strict=True
        )
    ]
    columns = ["image", "class_name", "x1", "y1", "x2", "y2", "difficult"]
    return pd.DataFrame(rows, columns=columns)
