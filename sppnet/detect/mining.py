"""Training of the SVMs of all layers and classes with hard negative mining, in one pass.

Pooling the boxes is the main cost, so an image is pooled once for all layers. The first image
provides all its negatives, and the first SVMs are trained on them. Every further image provides
the negatives that the current SVMs score too high.

Source: release spp_train.m.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from sppnet.detect.regions import ImageRegions
from sppnet.detect.sample_cache import SampleCache
from sppnet.detect.settings import Mining, Svm
from sppnet.detect.svm import LayersOf, LinearSvms, feature_scales
from sppnet.errors import SppnetError
from sppnet.geometry.boxes import non_maximum_suppression
from sppnet.geometry.projection import unique_rows
from sppnet.progress import track

IMAGES_PER_CHECKPOINT = 50
WindowKeys = Callable[[ImageRegions, Tensor], Tensor]
Report = dict[str, dict[str, dict[str, float]]]


def negative_candidates(
    regions: ImageRegions, mining: Mining, window_keys: WindowKeys | None = None
) -> Tensor:
    """Boxes of an image that may be negatives of each class.

    They include objects of other classes. Of duplicates the first box stays: objects come first,
    then proposals in their order.

    Args:
        regions: the image and its boxes.
        mining: overlap limit of negatives and removal of duplicates.
        window_keys: map cells of boxes (`MapFeatures.window_keys`), needed for duplicates "cells".

    Returns:
        bool `Tensor[R, K]`.

    Raises:
        SppnetError: duplicates "cells" without map cells.

    Source: paper §4.1; release spp_train.m; release spm_response_boxes.m ("cells").
    """
    _require_keys(mining, window_keys)
    allowed = regions.overlaps < mining.negative_iou
    if mining.duplicates == "none":
        return allowed
    keys = None
    if mining.duplicates == "cells" and window_keys:
        keys = window_keys(regions, torch.arange(len(regions.boxes)))
    # classes absent from an image share a mask: each distinct mask is filtered only once
    masks, mask_index = torch.unique(allowed, dim=1, return_inverse=True)
    candidates = torch.zeros_like(masks)
    for column in range(masks.shape[1]):
        rows = torch.nonzero(masks[:, column]).flatten()
        if keys is None:
            first = _first_by_overlap(regions.boxes, rows, mining.duplicate_iou)
        else:
            first = rows[unique_rows(keys[rows])[0]]
        candidates[first, column] = True
    return candidates[:, mask_index]


def _first_by_overlap(boxes: Tensor, rows: Tensor, iou: float) -> Tensor:
    """The rows that overlap no earlier row kept by more than `iou`."""
    # falling scores make suppression process the boxes in their given order
    order = -torch.arange(len(rows), dtype=torch.float32)
    return rows[non_maximum_suppression(boxes[rows], order, iou=iou)]


def train_svms(
    regions: Sequence[ImageRegions],
    layers: LayersOf,
    classes: Sequence[str],
    *,
    svm: Svm,
    restart: Path,
    window_keys: WindowKeys | None = None,
) -> tuple[dict[str, LinearSvms], Report]:
    """Train one SVM per class and layer.

    Args:
        regions: training images with their boxes.
        layers: gives the features of some rows of an image by layer name.
        classes: the K class names, as in the overlaps of the regions.
        svm: selection of negatives, objective, norm of the features.
        restart: folder for unfinished work; a resumed run gives the same SVMs as an uninterrupted
            one.
        window_keys: map cells of boxes, needed for duplicates "cells".

    Returns:
        SVMs by layer; and by layer and class the numbers of positives, of negatives in the final
        cache, of hard negatives found after the first training and of trainings, and the seconds
        of training.

    Raises:
        SppnetError: duplicates "cells" without map cells, no images, a class without objects or
            negatives, or an SVM that does not converge.

    Source: release spp_train.m; paper §4.1 (mined once).
    """
    _require_keys(svm, window_keys)
    _require_objects(regions, classes)
    caches = _empty_caches(regions[0], layers, classes)
    first = _resume(caches, restart)
    if first is None:
        for name, scale in feature_scales(regions, layers, svm).items():
            caches[name].scale = scale
        _add_positives(caches, regions, layers)
        first = 0
    for number in track(range(first, len(regions)), "hard negatives"):
        candidates = negative_candidates(regions[number], svm, window_keys)
        _add_negatives(caches, number, regions[number], candidates, layers, svm.hard_threshold)
        for cache in caches.values():
            cache.train(svm, last=number == len(regions) - 1)
        if (number + 1) % IMAGES_PER_CHECKPOINT == 0:
            _checkpoint(caches, restart, number + 1)
    _require_trained(caches)
    return (
        {name: cache.svms for name, cache in caches.items()},
        {name: cache.report() for name, cache in caches.items()},
    )


def _require_keys(mining: Mining, window_keys: WindowKeys | None) -> None:
    if mining.duplicates == "cells" and window_keys is None:
        raise SppnetError(
            "--duplicates: 'cells' requires maps of whole images; use 'overlap' or 'none'"
        )


def _require_objects(regions: Sequence[ImageRegions], classes: Sequence[str]) -> None:
    if not regions:
        raise SppnetError("--manifest: no images to train on; check the split")
    present = {number for image_regions in regions for number in image_regions.class_index.tolist()}
    absent = [name for number, name in enumerate(classes) if number not in present]
    if absent:
        raise SppnetError(
            f"--images: no object of class {', '.join(absent)} in the {len(regions)} images used; "
            "use more images"
        )


def _require_trained(caches: Mapping[str, SampleCache]) -> None:
    for cache in caches.values():
        for name, samples in zip(cache.classes, cache.samples, strict=True):
            if not samples.trainings:
                raise SppnetError(
                    f"--proposals: no box is a negative of class {name}; give more proposals"
                )


def _empty_caches(
    regions: ImageRegions, layers: LayersOf, classes: Sequence[str]
) -> dict[str, SampleCache]:
    no_rows = torch.empty(0, dtype=torch.int64)
    return {
        # pooled maps are stored in half precision, so float16 is exact
        name: SampleCache(classes, features.shape[1], "float16" if name == "pool5" else "float32")
        for name, features in layers(regions, no_rows).items()
    }


def _add_positives(
    caches: Mapping[str, SampleCache], regions: Sequence[ImageRegions], layers: LayersOf
) -> None:
    """Add all objects, difficult ones included, as positives of their class."""
    for number, image_regions in enumerate(track(regions, "positives")):
        rows = torch.arange(image_regions.ground_truth)
        if len(rows):
            for name, features in layers(image_regions, rows).items():
                caches[name].add_positives(number, rows, features, image_regions.class_index[rows])


def _add_negatives(
    caches: Mapping[str, SampleCache],
    number: int,
    regions: ImageRegions,
    candidates: Tensor,
    layers: LayersOf,
    threshold: float,
) -> None:
    rows = torch.nonzero(candidates.any(dim=1)).flatten()
    if len(rows):
        for name, features in layers(regions, rows).items():
            caches[name].add_negatives(
                number, rows, features, candidates=candidates[rows], threshold=threshold
            )


def _checkpoint(caches: Mapping[str, SampleCache], restart: Path, done: int) -> None:
    """Save all caches under the number of images processed; delete older checkpoints."""
    older = sorted(restart.glob("images-*"))
    unfinished = restart / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name, cache in caches.items():
        cache.save(unfinished, name)
    unfinished.rename(restart / f"images-{done:08d}")
    for folder in older:
        shutil.rmtree(folder)


def _resume(caches: Mapping[str, SampleCache], restart: Path) -> int | None:
    """Load the newest checkpoint and return its number of images, or None if there is none."""
    folders = sorted(restart.glob("images-*"))
    if not folders:
        return None
    for name, cache in caches.items():
        cache.load(folders[-1], name)
    return int(folders[-1].name.removeprefix("images-"))
