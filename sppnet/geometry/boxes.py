"""Arithmetic of boxes: area, overlap, suppression, regression deltas.

Boxes are `Tensor[N, 4]` x1 y1 x2 y2, 0-based and half-open, in pixels of the original image. Width
is x2 - x1, which includes the devkit's "+1" on inclusive pixels.
"""

import torch
from torch import Tensor

from sppnet.errors import SppnetError


def area(boxes: Tensor) -> Tensor:
    """Areas of boxes in square pixels.

    Args:
        boxes: `Tensor[N, 4]`.

    Returns:
        `Tensor[N]`.

    Raises:
        SppnetError: not (N, 4).
    """
    _check_boxes(boxes)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def intersection_over_union(a: Tensor, b: Tensor) -> Tensor:
    """Overlap of every box of `a` with every box of `b`; 0 where both are empty.

    Args:
        a: `Tensor[N, 4]`.
        b: `Tensor[M, 4]`.

    Returns:
        `Tensor[N, M]` between 0 and 1.

    Raises:
        SppnetError: not (N, 4) and (M, 4).

    Source: release boxoverlap.m (its +1 belongs to inclusive pixels).
    """
    _check_boxes(a)
    _check_boxes(b)
    low, high = torch.maximum(a[:, None, :2], b[:, :2]), torch.minimum(a[:, None, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    return (shared / (area(a)[:, None] + area(b) - shared)).nan_to_num(nan=0.0)


def clip_boxes(boxes: Tensor, width: float, height: float) -> Tensor:
    """Move every corner into the image.

    Args:
        boxes: `Tensor[N, 4]`.
        width: of the image in pixels.
        height: of the image in pixels.

    Returns:
        `Tensor[N, 4]`; a box outside the image becomes empty.

    Raises:
        SppnetError: not (N, 4).

    Source: release spp_train_bbox_regressor.m.
    """
    _check_boxes(boxes)
    limits = boxes.new_tensor([width, height, width, height])
    return boxes.clamp(min=0).minimum(limits)


def non_maximum_suppression(boxes: Tensor, scores: Tensor, iou: float = 0.3) -> Tensor:
    """Greedy suppression: drop boxes that a better kept box overlaps by more than `iou`.

    A box with an overlap of exactly `iou` is kept. Of equal scores the earlier row is better.

    Args:
        boxes: `Tensor[N, 4]`.
        scores: `Tensor[N]`.
        iou: threshold between 0 and 1.

    Returns:
        int64 `Tensor[M]`: kept rows, best first.

    Raises:
        SppnetError: shapes that do not belong together.

    Source: release nms.m; paper §4.1 (30 %).
    """
    _check_boxes(boxes)
    if scores.shape != boxes.shape[:1]:
        raise SppnetError(
            f"scores: shape is {tuple(scores.shape)} for {len(boxes)} boxes; give one score per box"
        )
    from torchvision.ops import nms  # slow to import, and most stages do not need it

    # In float32 a ratio of exactly 3/10 exceeds 0.3; in float64, as in MATLAB, they are equal.
    rows: Tensor = nms(boxes.double(), scores.double(), iou)
    return rows


def encode_deltas(boxes: Tensor, targets: Tensor) -> Tensor:
    """Regression targets that move boxes onto targets; `decode_deltas` is the inverse.

    With centre c = x1 + w / 2 and width w: ((c' - c) / w, the same in y, log(w' / w), log(h' / h)).

    Args:
        boxes: `Tensor[N, 4]` with positive sides.
        targets: `Tensor[N, 4]` with positive sides.

    Returns:
        `Tensor[N, 4]` dx, dy, dw, dh without unit; dx is positive for a target to the right.

    Raises:
        SppnetError: shapes differ, or a side is not positive.

    Source: RCNN appendix C; release spp_train_bbox_regressor.m. Differs: the release has
        w = x2 - x1 of inclusive pixels, one pixel less, and adds a tiny number instead of refusing
        empty boxes.
    """
    centre, size = _centre_and_size(boxes)
    target_centre, target_size = _centre_and_size(targets)
    if boxes.shape != targets.shape:
        raise SppnetError(f"targets: {len(targets)} for {len(boxes)} boxes; give one per box")
    for name, sides in (("boxes", size), ("targets", target_size)):
        bad = (sides <= 0).any(dim=1).nonzero().flatten().tolist()
        if bad:
            raise SppnetError(f"{name}: row {bad[0]} has a side of 0 or less; remove empty boxes")
    return torch.cat([(target_centre - centre) / size, (target_size / size).log()], dim=1)


def decode_deltas(boxes: Tensor, deltas: Tensor) -> Tensor:
    """Boxes moved by deltas of `encode_deltas`; zero deltas leave them unchanged.

    Args:
        boxes: `Tensor[N, 4]`.
        deltas: `Tensor[N, 4]` dx, dy, dw, dh.

    Returns:
        `Tensor[N, 4]`, not clipped.

    Raises:
        SppnetError: shapes differ or are not (N, 4).

    Source: RCNN appendix C; release spp_train_bbox_regressor.m.
    """
    centre, size = _centre_and_size(boxes)
    if boxes.shape != deltas.shape:
        raise SppnetError(
            f"deltas: shape is {tuple(deltas.shape)} for {len(boxes)} boxes; give four per box"
        )
    moved = centre + deltas[:, :2] * size
    half = 0.5 * size * deltas[:, 2:].exp()
    return torch.cat([moved - half, moved + half], dim=1)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    _check_boxes(boxes)
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, :2] + 0.5 * size, size


def _check_boxes(boxes: Tensor) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise SppnetError(
            f"boxes: shape is {tuple(boxes.shape)}; give (N, 4) with columns x1 y1 x2 y2"
        )
