"""Labelled boxes of an image: its objects, its proposals, and their overlaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sppnet.data.manifest import ImageRecord
from sppnet.detect.proposals import read_proposals
from sppnet.errors import SppnetError
from sppnet.geometry.boxes import intersection_over_union


@dataclass(frozen=True)
class ImageRegions:
    """Boxes of one image, objects first and then proposals (R rows, K classes).

    Attributes:
        image: image id, unique in the data set.
        width: image width in pixels.
        height: image height in pixels.
        path: image file.
        sha256: of the file.
        boxes: float32 `Tensor[R, 4]`, x1 y1 x2 y2 in original-image pixels.
        ground_truth: number of leading rows that are objects (difficult ones included).
        class_index: int64 `Tensor[R]`, 0..K-1 for objects and -1 for proposals.
        overlaps: float32 `Tensor[R, K]`, largest IoU with an object of each class.
        difficult: bool `Tensor[R]`, False for proposals.
    """

    image: str
    width: int
    height: int
    path: str
    sha256: str
    boxes: Tensor
    ground_truth: int
    class_index: Tensor
    overlaps: Tensor
    difficult: Tensor


def image_regions(
    record: ImageRecord, proposals: np.ndarray, classes: Sequence[str]
) -> ImageRegions:
    """Combine the objects of an image with its proposals.

    Difficult objects are included, as in the training of the release and of R-CNN.

    Args:
        record: the image and its objects.
        proposals: float `(N, 4)` boxes in original-image pixels.
        classes: the K class names, in the order of the overlap columns.

    Raises:
        SppnetError: the class of an object is not among `classes`.

    Source: release roidb_from_voc.m (objects come before the proposals).
    """
    objects = torch.from_numpy(np.array(record.boxes, dtype=np.float32).reshape(-1, 4))
    candidates = torch.from_numpy(np.array(proposals, dtype=np.float32).reshape(-1, 4))
    boxes = torch.cat([objects, candidates])
    object_class = _class_indices(record, classes)
    no_class = torch.full((len(candidates),), -1, dtype=torch.int64)
    difficult = torch.zeros(len(boxes), dtype=torch.bool)
    difficult[: len(objects)] = torch.from_numpy(np.array(record.difficult, dtype=bool))
    return ImageRegions(
        image=record.image,
        width=record.width,
        height=record.height,
        path=record.path,
        sha256=record.sha256,
        boxes=boxes,
        ground_truth=len(objects),
        class_index=torch.cat([object_class, no_class]),
        overlaps=_class_overlaps(boxes, objects, object_class, len(classes)),
        difficult=difficult,
    )


def load_regions(
    records: Sequence[ImageRecord], proposals_path: Path, classes: Sequence[str]
) -> list[ImageRegions]:
    """Regions of every record, in order, with the proposals of a file.

    Raises:
        SppnetError: an image of the records has no entry in the proposals file, or none has a
            proposal.
    """
    proposals: Mapping[str, np.ndarray] = read_proposals(proposals_path)
    missing = [record.image for record in records if record.image not in proposals]
    if missing:
        raise SppnetError(
            f"{proposals_path}: no proposals for image {missing[0]!r} "
            f"({len(missing)} images have none); run propose on the same manifest and split"
        )
    if not any(len(proposals[record.image]) for record in records):
        raise SppnetError(
            f"{proposals_path}: no proposals in any of {len(records)} images; lower "
            "proposals.minimum_side and run propose again"
        )
    return [image_regions(record, proposals[record.image], classes) for record in records]


def sample_regions(
    regions: ImageRegions,
    *,
    count: int,
    positive_fraction: float,
    positive_iou: float,
    negative_iou: tuple[float, float],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Sample boxes to train a classifier of K classes and background.

    A row is foreground when its largest overlap o over all classes has o >= positive_iou
    (objects have 1), background otherwise where low <= o < high. At most
    round(count * positive_fraction) rows are foreground; background fills the remaining rows if
    there is enough.

    Args:
        regions: boxes of one image.
        count: number of rows to draw.
        positive_fraction: maximum fraction of foreground rows.
        positive_iou: minimum overlap of foreground, inclusive.
        negative_iou: (low inclusive, high exclusive) overlaps of background.
        generator: source of the random choice, without replacement.

    Returns:
        int64 rows and int64 labels (0 background, 1..K classes), foreground first.

    Source: paper §4.1 (foreground 0.5 to 1, background 0.1 to 0.5); RCNN §2.3 (background
        is everything below 0.5).
    """
    best, best_class = regions.overlaps.max(dim=1)
    is_object = regions.class_index >= 0
    low, high = negative_iou
    is_foreground = best >= positive_iou
    foreground = torch.nonzero(is_foreground).flatten()
    background = torch.nonzero(~is_foreground & (best >= low) & (best < high)).flatten()
    foreground_count = round(count * positive_fraction)
    positives = _choose(foreground, foreground_count, generator)
    negatives = _choose(background, count - len(positives), generator)
    # an object keeps its class even if an object of another class has the same box
    row_class = torch.where(is_object, regions.class_index, best_class)
    labels = torch.cat([row_class[positives] + 1, torch.zeros_like(negatives)])
    return torch.cat([positives, negatives]), labels


def _choose(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """At most `count` of the rows, at random and without replacement."""
    return rows[torch.randperm(len(rows), generator=generator)[:count]]


def _class_indices(record: ImageRecord, classes: Sequence[str]) -> Tensor:
    """int64 `Tensor[G]` of the objects' classes."""
    index = {name: number for number, name in enumerate(classes)}
    unknown = sorted(set(record.class_names) - set(index))
    if unknown:
        raise SppnetError(
            f"{record.path}: object of class {unknown[0]!r}, which is not among the classes "
            f"{', '.join(classes)}; use the manifest that defines the classes"
        )
    return torch.tensor([index[name] for name in record.class_names], dtype=torch.int64)


def _class_overlaps(boxes: Tensor, objects: Tensor, object_class: Tensor, classes: int) -> Tensor:
    """float32 `Tensor[R, K]`: largest IoU of a box with the objects of each class, else 0."""
    overlaps = torch.zeros(len(boxes), classes)
    if len(objects):
        columns = object_class.expand(len(boxes), -1)
        iou = intersection_over_union(boxes, objects)
        overlaps.scatter_reduce_(1, columns, iou, reduce="amax")
    return overlaps
