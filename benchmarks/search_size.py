"""Selective search at a working size: what it saves, and the recall that it costs.

    python benchmarks/search_size.py --voc data/VOCdevkit/VOC2007 --large data/photographs

Photographs larger than VOC's, with objects, are not among the sets of this project. So recall is
that of VOC photographs (500 pixels) shrunk by the factors by which larger ones would be.
"""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import cv2
import cyclopts
import numpy as np
from cyclopts import Parameter
from figures import find_pictures, write_figures

from sppnet.data.images import read_image
from sppnet.data.manifest import ImageRecord
from sppnet.data.voc import read_voc
from sppnet.detect.proposals import coverage, recall, search_shrunk, selective_search

MINIMUM_SIDE = 20
SEARCH = partial(selective_search, base_k=(50, 100), sigma=0.8, minimum_side=MINIMUM_SIDE)
WORKING_SIZE = 500
SIZES = (500, 400, 300, 250)  # the first is that of VOC's photographs
COUNTS = (1000, 2000)
OVERLAPS = (0.5, 0.7)


def timed(image: np.ndarray, longest_side: int) -> tuple[np.ndarray, float]:
    start = time.process_time()
    boxes = search_shrunk(image, SEARCH, longest_side=longest_side)
    return boxes, time.process_time() - start


def time_row(image: np.ndarray, name: str, *, with_native: bool) -> dict[str, Any]:
    """Seconds with and without the working size, and how well the boxes without it are covered."""
    height, width = image.shape[:2]
    boxes, seconds = timed(image, WORKING_SIZE)
    row = {"photograph": name, "size": f"{width} x {height}"}
    after = {f"at {WORKING_SIZE}, s": seconds, f"boxes at {WORKING_SIZE}": len(boxes)}
    empty = dict.fromkeys(["ratio", "boxes", *(f"covered at {iou}" for iou in OVERLAPS)], "-")
    if not with_native:
        return {**row, "at its own size, s": "-", **after, **empty}
    native, before = timed(image, max(height, width))
    large = native[(native[:, 2:] - native[:, :2]).min(1) >= shortest(image)]
    covered = {f"covered at {i}": f"{coverage(large, boxes, iou=i):.1%}" for i in OVERLAPS}
    numbers = {"ratio": before / seconds, "boxes": len(large)}
    return {**row, "at its own size, s": before, **after, **numbers, **covered}


def shortest(image: np.ndarray) -> float:
    """The side of the smallest box at the working size, in pixels of the photograph."""
    return MINIMUM_SIDE * max(1, max(image.shape[:2]) / WORKING_SIZE)


def enlarged(image: np.ndarray, side: int) -> np.ndarray:
    scale = side / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def time_rows(paths: Sequence[Path], slowest: int) -> list[dict[str, Any]]:
    images = {path.stem: read_image(path) for path in paths}
    rows = [time_row(image, name, with_native=True) for name, image in images.items()]
    name, image = next(iter(images.items()))
    larger = {side: enlarged(image, side) for side in (2000, 4000)}
    return rows + [
        time_row(image, f"{name}, enlarged", with_native=side <= slowest)
        for side, image in larger.items()
    ]


def recall_row(records: Sequence[ImageRecord], size: int) -> dict[str, Any]:
    """Recall of the objects of photographs that are searched at a size."""
    boxes, seconds = {}, []
    for record in records:
        boxes[record.image], taken = timed(read_image(record.path), size)
        seconds.append(taken)
    row: dict[str, Any] = {"searched at": size, "shrunk by": SIZES[0] / size}
    for count in COUNTS:
        kept = {image: some[:count] for image, some in boxes.items()}
        for iou in OVERLAPS:
            row[f"{count} boxes, IoU {iou}"] = f"{recall(records, kept, iou=iou):.1%}"
    row["boxes"] = float(np.mean([len(some) for some in boxes.values()]))
    return {**row, "s": float(np.mean(seconds))}


def main(
    voc: Annotated[Path, Parameter(help="VOC set.")],
    large: Annotated[Path, Parameter(help="Folder of photographs of about 1,000 pixels.")],
    count: Annotated[int, Parameter(help="VOC photographs.")] = 80,
    larger: Annotated[int, Parameter(help="Photographs of about 1,000 pixels.")] = 3,
    slowest: Annotated[int, Parameter(help="Longest side searched at its own size.")] = 2000,
) -> None:
    cv2.setNumThreads(1)
    records = [record for record in read_voc(voc, "test")[0] if (~record.difficult).any()]
    records = [records[index * len(records) // count] for index in range(count)]
    notes = [
        f"Searches with k 50 and 100, sigma 0.8, sides from {MINIMUM_SIDE} pixels; seconds of one "
        "processor. Covered: share of the boxes found at the photograph's own size, those that "
        f"have {MINIMUM_SIDE} pixels at {WORKING_SIZE}, that a box found at {WORKING_SIZE} "
        f"overlaps. Recall: of the objects not marked difficult of {count} photographs of VOC "
        "2007, by the first boxes. Shrunk by 2, they stand for photographs of 1,000 pixels at a "
        "working size of 500, but are left with half the pixels on a side.",
        f"The configurations search at {WORKING_SIZE}: photographs of VOC stay as they are, larger "
        "ones take as long as those.",
    ]
    tables = {
        "Time": time_rows(find_pictures(large, larger, large), slowest),
        "Recall": [recall_row(records, size) for size in SIZES],
    }
    write_figures(__file__, "Selective search at a working size", tables, notes)


if __name__ == "__main__":
    cyclopts.run(main)
