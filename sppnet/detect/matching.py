"""Matching of detections to objects by the rules of PASCAL VOC."""

import numpy as np
import pandas as pd

from sppnet.errors import SppnetError

COORDINATES = ["x1", "y1", "x2", "y2"]
TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1


def match_detections(
    detections: pd.DataFrame, ground_truth: pd.DataFrame, *, iou: float
) -> tuple[np.ndarray, np.ndarray]:
    """Outcome of every detection of one class.

    Detections are processed by falling score, equal scores in the order given. Each is compared
    with the object of its image with the highest IoU, the first of equals. With an IoU of at least
    `iou` it is a true positive, but it is ignored if the object is difficult, and a false positive
    if an earlier detection matched the object. With a lower IoU it is a false positive.

    Args:
        detections: image, score, x1, y1, x2, y2 (pixels, half-open); D rows.
        ground_truth: image, x1, y1, x2, y2, difficult.
        iou: minimum IoU of a true positive, above 0.

    Returns:
        int64 (D,) TRUE_POSITIVE, FALSE_POSITIVE or IGNORED by falling score, and int64 (D,) row
        of each detection.

    Raises:
        SppnetError: a column is missing or a detection has NaN.

    Source: VOC07 devkit VOCevaldet.m (adds 1 to the sides of inclusive boxes; half-open boxes
        include it).
    """
    _check(detections, ground_truth)
    order = np.argsort(-detections["score"].to_numpy(np.float64), kind="stable")
    ranked = detections.iloc[order]
    overlap, partner = _best_partners(ranked, ground_truth)
    matched = overlap >= iou
    outcomes = np.full(len(ranked), FALSE_POSITIVE)
    _, first = np.unique(partner[matched], return_index=True)
    outcomes[np.flatnonzero(matched)[first]] = TRUE_POSITIVE
    difficult = ground_truth["difficult"].to_numpy(bool)
    outcomes[matched & np.append(difficult, False)[partner]] = IGNORED
    return outcomes, order


def image_numbers(frame: pd.DataFrame, images: pd.Index) -> np.ndarray:
    """Index (N,) of each row's image in `images`; -1 if it is not there."""
    return np.asarray(images.get_indexer(pd.Index(frame["image"].to_numpy(object))))


def _check(detections: pd.DataFrame, ground_truth: pd.DataFrame) -> None:
    needs = {"score": detections, "difficult": ground_truth}
    for extra, frame in needs.items():
        missing = [name for name in ("image", extra, *COORDINATES) if name not in frame]
        if missing:
            raise SppnetError(
                f"average precision: no column '{missing[0]}' among {list(frame)}; add it"
            )
    values = detections[["score", *COORDINATES]].to_numpy(np.float64)
    if np.isnan(values).any():
        raise SppnetError("average precision: a detection contains NaN; remove or correct it")


def _best_partners(
    detections: pd.DataFrame, ground_truth: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Highest IoU (D,) with an object of the same image and the row (D,) of that object.

    -1 and row -1 where there is no overlap. Detections are compared with the first object of every
    image, then with the second, and so on.
    """
    images = pd.Index(ground_truth["image"].to_numpy(object)).unique()
    group = image_numbers(ground_truth, images)
    rows = np.argsort(group, kind="stable")
    counts = np.append(np.bincount(group, minlength=len(images)), 0)  # last entry: unknown images
    starts = np.cumsum(counts) - counts
    image = image_numbers(detections, images)
    boxes = detections[COORDINATES].to_numpy(np.float64)
    objects = ground_truth[COORDINATES].to_numpy(np.float64)
    best, partner = np.full(len(boxes), -1.0), np.full(len(boxes), -1)
    for step in range(int(counts.max())):
        compared = np.flatnonzero(counts[image] > step)
        row = rows[starts[image[compared]] + step]
        overlap = _pairwise_overlap(boxes[compared], objects[row])
        better = overlap > best[compared]
        best[compared[better]], partner[compared[better]] = overlap[better], row[better]
    return best, partner


def _pairwise_overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float64 IoU of each box (N, 4) with the other box (N, 4) in its row; -1 without overlap."""
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    shared = (high - low).clip(min=0).prod(1)
    areas = [(b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, others)]
    return np.where(shared > 0, shared / np.where(shared > 0, sum(areas) - shared, 1), -1)
