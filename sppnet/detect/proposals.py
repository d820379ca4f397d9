"""Selective search proposals, and their recall of the objects."""

import json
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from sppnet.data.images import read_listed
from sppnet.data.manifest import ImageRecord
from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError
from sppnet.geometry.boxes import intersection_over_union
from sppnet.progress import track

CHUNK = 16  # images per restart file, the maximum number of searches lost when a run is killed
GOLDEN_RATIO = (5**0.5 - 1) / 2  # the fractional parts of its multiples are spread evenly over 0..1
COORDINATES = ("x1", "y1", "x2", "y2")
Search = Callable[[np.ndarray], np.ndarray]


def selective_search(
    image: np.ndarray, *, base_k: Sequence[int], sigma: float, minimum_side: int
) -> np.ndarray:
    """Boxes of selective search "fast": all groupings of all initial segmentations of an image.

    The image is segmented in each colour space (HSV, Lab) for each k, with at least k pixels per
    region. Regions are merged in pairs, once by colour + texture + size + fill and once by
    texture + size + fill. Every initial or merged region gives its bounding box.

    Args:
        image: uint8 (H, W, 3) RGB.
        base_k: k of the graph segmentation, larger for larger regions; also the minimum size of a
            region, pixels.
        sigma: standard deviation of the Gaussian blur before segmentation, pixels.
        minimum_side: minimum side of a box, pixels; smaller boxes are dropped.

    Returns:
        float32 (N, 4) x1 y1 x2 y2, half-open, without duplicates. The same image gives the same
        boxes in the same order, and the first n boxes retain most of the recall (`_ranked`).

    Source: release selective_search_boxes.m (k 50 and 100, sigma 0.8, sides of 20). Differs: the
        order of the library, which depends on C's global `rand`, is replaced.
    """
    if min(image.shape[:2]) < 2:
        return np.zeros((0, 4), np.float32)
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(image)
    for space in (cv2.COLOR_RGB2HSV, cv2.COLOR_RGB2Lab):
        search.addImage(cv2.cvtColor(image, space))
    for k in base_k:
        graph = cv2.ximgproc.segmentation.createGraphSegmentation(sigma, float(k), k)
        search.addGraphSegmentation(graph)
    for strategy in _strategies():
        search.addStrategy(strategy)
    rectangles = np.asarray(search.process(), np.int64).reshape(-1, 4)
    boxes = np.unique(np.hstack([rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:]]), axis=0)
    large = (boxes[:, 2:] - boxes[:, :2] >= minimum_side).all(1)
    return _ranked(boxes[large]).astype(np.float32)


def search_shrunk(image: np.ndarray, search: Search, *, longest_side: int) -> np.ndarray:
    """Boxes of an image that is searched at no more than a longest side.

    The time of selective search grows faster than the number of pixels
    (benchmarks/search_size.md).

    Args:
        image: uint8 (H, W, 3) RGB; searched as it is if no side is longer than `longest_side`.
        search: gives int-valued boxes of the shrunk image; the lengths it knows are pixels of that.
        longest_side: L, pixels. The image is shrunk to L on its longer side and, on the other,
            to L * shorter / longer, rounded half up.

    Returns:
        float32 (N, 4) in whole pixels of the image, rounded half up, inside it; in the order of
        `search`. Boxes that differ there differ here.
    """
    sides = np.array(image.shape[1::-1])
    longer = int(sides.max())
    if longer <= longest_side:
        return search(image)
    shrunk = np.maximum((2 * longest_side * sides + longer) // (2 * longer), 1)
    # Each pixel is the mean of those that it stands for.
    boxes = search(cv2.resize(image, shrunk.tolist(), interpolation=cv2.INTER_AREA))
    # Integers, so that the rounding of halves does not depend on floating point.
    full, part = np.tile(sides, 2), np.tile(shrunk, 2)
    scaled: np.ndarray = (2 * boxes.astype(np.int64) * full + part) // (2 * part)
    return scaled.astype(np.float32)


def _strategies() -> list[Any]:
    """The two similarity measures of "fast". Measures have state, so none is shared."""
    parts = cv2.ximgproc.segmentation
    combine = parts.createSelectiveSearchSegmentationStrategyMultiple
    colour = parts.createSelectiveSearchSegmentationStrategyColor
    texture = parts.createSelectiveSearchSegmentationStrategyTexture
    size = parts.createSelectiveSearchSegmentationStrategySize
    fill = parts.createSelectiveSearchSegmentationStrategyFill
    return [combine(colour(), texture(), size(), fill()), combine(texture(), size(), fill())]


def _ranked(boxes: np.ndarray) -> np.ndarray:
    """Order boxes (N, 4) so that large ones and a sample of small ones come first.

    Boxes get ranks r = 1, 2, ... by falling area and are sorted by r * frac(r * golden ratio). This
    fixed sequence replaces the random numbers by which the original multiplies its ranks.
    """
    descending = np.lexsort((*boxes.T, -(boxes[:, 2:] - boxes[:, :2]).prod(1)))
    rank = np.arange(1, len(boxes) + 1)
    return boxes[descending[np.argsort(rank * np.modf(rank * GOLDEN_RATIO)[0], kind="stable")]]


def propose(
    records: Sequence[ImageRecord], search: Search, *, workers: int, restart: Path
) -> tuple[dict[str, np.ndarray], float]:
    """Search all images in worker processes; a killed run continues from `restart`.

    Args:
        records: images to search.
        search: uint8 (H, W, 3) RGB -> (N, 4) boxes; must be picklable.
        workers: number of processes, each with one thread (more threads give no speed-up).
        restart: folder for finished chunks; its name depends on everything that changes the result.

    Returns:
        Boxes per image id in the order of `records`, and the mean seconds per image.

    Raises:
        SppnetError: an image cannot be read or searched, or a worker died.
    """
    starts = range(0, len(records), CHUNK)
    chunks = {start: records[start : start + CHUNK] for start in starts}
    paths = {start: restart / f"{start:06d}.npz" for start in chunks}
    pending = [start for start in chunks if not paths[start].exists()]
    pending_records = [record for start in pending for record in chunks[start]]
    results = track(
        _search_all(pending_records, search, workers), "propose", total=len(pending_records)
    )
    for start in pending:
        _save_chunk(paths[start], [next(results) for _ in chunks[start]])
    for _ in results:  # finishes the progress line
        pass
    return _load_chunks(records, list(paths.values()))


def _search_all(
    records: Sequence[ImageRecord], search: Search, workers: int
) -> Iterator[tuple[np.ndarray, float]]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)
    )
    with pool:
        try:
            yield from pool.map(partial(_search_file, search), records)
        except BrokenProcessPool:
            raise SppnetError(
                "propose: a worker process was killed, perhaps for lack of memory; "
                "use fewer workers and run again: finished images are kept"
            ) from None


def _search_file(search: Search, record: ImageRecord) -> tuple[np.ndarray, float]:
    image = read_listed(record)
    start = time.process_time()
    try:
        boxes = search(image)
    except cv2.error as error:
        reason = " ".join(str(error).split())
        raise SppnetError(
            f"{record.path}: selective search failed ({reason}); remove the image from its list"
        ) from None
    return boxes, time.process_time() - start


def _save_chunk(path: Path, results: Sequence[tuple[np.ndarray, float]]) -> None:
    boxes = [image_boxes for image_boxes, _ in results]
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            boxes=np.concatenate(boxes),
            counts=[len(image_boxes) for image_boxes in boxes],
            seconds=[seconds for _, seconds in results],
        )


def _load_chunks(
    records: Sequence[ImageRecord], paths: Sequence[Path]
) -> tuple[dict[str, np.ndarray], float]:
    boxes: list[np.ndarray] = []
    seconds: list[float] = []
    for path in paths:
        with np.load(path, allow_pickle=False) as chunk:
            boxes += np.split(chunk["boxes"], np.cumsum(chunk["counts"])[:-1])
            seconds += chunk["seconds"].tolist()
    images = [record.image for record in records]
    return dict(zip(images, boxes, strict=True)), float(np.mean(seconds))


def write_proposals(
    path: Path, proposals: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> None:
    """Write boxes as Parquet rows (image, x1, y1, x2, y2), in the given order.

    The schema metadata records how the proposals were made: the image ids (an image may have no
    boxes), the settings and the version of OpenCV.
    """
    images = list(proposals)
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *proposals.values()]).astype(np.float32)
    counts = [len(image_boxes) for image_boxes in proposals.values()]
    names = pa.DictionaryArray.from_arrays(
        np.repeat(np.arange(len(images), dtype=np.int32), counts), pa.array(images, pa.string())
    )
    table = pa.table({"image": names, **dict(zip(COORDINATES, boxes.T, strict=True))})
    description = {"images": images, "settings": dict(settings), "opencv": cv2.__version__}
    metadata = {key: json.dumps(value, sort_keys=True) for key, value in description.items()}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def read_proposals(path: Path) -> dict[str, np.ndarray]:
    """Boxes (N, 4) float32 per image id, in the order of writing.

    Raises:
        SppnetError: the file is missing or was not written by `write_proposals`.
    """
    try:
        table = pq.read_table(path)
        images = json.loads(table.schema.metadata[b"images"])
    except (OSError, KeyError, TypeError, pa.ArrowInvalid) as error:
        raise SppnetError(f"{path}: not a proposals file ({error}); run `sppnet propose`") from None
    boxes = np.column_stack([table[name].to_numpy() for name in COORDINATES]).astype(np.float32)
    number = pd.Categorical(table["image"].to_pandas(), categories=images).codes
    ends = np.searchsorted(number, np.arange(len(images)), side="right")
    return dict(zip(images, np.split(boxes, ends[:-1]), strict=True))


def best_overlaps(reference: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Highest IoU (R,) of each reference box (R, 4) with any box (N, 4); 0 without boxes."""
    if not len(reference) or not len(boxes):
        return np.zeros(len(reference), np.float32)
    first, second = (torch.from_numpy(np.asarray(b, np.float32)) for b in (reference, boxes))
    best: np.ndarray = intersection_over_union(first, second).amax(1).numpy()
    return best


def coverage(reference: np.ndarray, boxes: np.ndarray, *, iou: float) -> float:
    """Share of the reference boxes (R, 4) that some box (N, 4) overlaps with at least `iou`."""
    return float((best_overlaps(reference, boxes) >= iou).mean())


def recall(
    records: Iterable[ImageRecord], proposals: Mapping[str, np.ndarray], *, iou: float
) -> float | None:
    """Share of the objects not marked difficult that some proposal overlaps with at least `iou`.

    None if there are no such objects.
    """
    best = [
        best_overlaps(record.boxes[~record.difficult], proposals[record.image])
        for record in records
    ]
    overlaps = np.concatenate([np.zeros(0, np.float32), *best])
    return float((overlaps >= iou).mean()) if len(overlaps) else None
