"""SVMs of all layers and classes with mined hard negatives, in one pass over the images.

Pooling the boxes is the cost, so an image is pooled once for all layers. The first image gives all
its negatives and the first SVMs; every further image gives those that the current SVMs score too
high.

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
from sppnet.geometry.projection import first_of_equal
from sppnet.progress import track

IMAGES_PER_CHECKPOINT = 50
WindowKeys = Callable[[ImageRegions, Tensor], Tensor]
Report = dict[str, dict[str, dict[str, float]]]


def negative_candidates(
    regions: ImageRegions, mining: Mining, window_keys: WindowKeys | None = None
) -> Tensor:
    """Which boxes of an image may be negatives of each class.

    Objects of other classes are among them. Duplicates go by the order of the boxes: objects
    first, then proposals as they were ranked.

    Args:
        regions: the image and its boxes.
        mining: limits.
        window_keys: map cells of boxes (`MapFeatures.window_keys`), for duplicates "cells".

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
    # most classes are absent from an image and share one mask: each mask is filtered once
    masks, shared = torch.unique(allowed, dim=1, return_inverse=True)
    kept = torch.zeros_like(masks)
    for column in range(masks.shape[1]):
        rows = torch.nonzero(masks[:, column]).flatten()
        if keys is None:
            first = _first_by_overlap(regions.boxes, rows, mining.duplicate_iou)
        else:
            first = rows[first_of_equal(keys[rows])[0]]
        kept[first, column] = True
    return kept[:, shared]


def _first_by_overlap(boxes: Tensor, rows: Tensor, iou: float) -> Tensor:
    """The rows that overlap no earlier kept row by more than `iou`."""
    # suppression with falling scores goes through the boxes in their own order
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
        layers: features by layer name of some rows of an image.
        classes: the K class names, as in the overlaps of the regions.
        svm: choice of negatives, objective, norm of the features.
        restart: folder for unfinished work; a killed run ends with the same SVMs as one that
            was never killed.
        window_keys: map cells of boxes, for duplicates "cells".

    Returns:
        SVMs by layer, and by layer and class: positives, negatives cached at the end, hard
        negatives found after the first training, trainings, seconds of training.

    Raises:
        SppnetError: duplicates "cells" without map cells, no image, a class without objects or
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
            "--duplicates: 'cells' needs maps of whole images; use 'overlap' or 'none'"
        )


def _require_objects(regions: Sequence[ImageRegions], classes: Sequence[str]) -> None:
    if not regions:
        raise SppnetError("--manifest: no images to train on; check the split")
    present = {number for each in regions for number in each.class_index.tolist()}
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
    nothing = torch.empty(0, dtype=torch.int64)
    return {
        # pooled maps are kept in half precision, so holding them so loses nothing
        name: SampleCache(classes, features.shape[1], "float16" if name == "pool5" else "float32")
        for name, features in layers(regions, nothing).items()
    }


def _add_positives(
    caches: Mapping[str, SampleCache], regions: Sequence[ImageRegions], layers: LayersOf
) -> None:
    """All objects, difficult ones included, are positives of their class."""
    for number, each in enumerate(track(regions, "positives")):
        rows = torch.arange(each.ground_truth)
        if len(rows):
            for name, features in layers(each, rows).items():
                caches[name].add_positives(number, rows, features, each.class_index[rows])


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
    """Save all caches under a name that tells how many images are done; drop the older ones."""
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
    """Take up the newest checkpoint; the number of images done, None without a checkpoint."""
    folders = sorted(restart.glob("images-*"))
    if not folders:
        return None
    for name, cache in caches.items():
        cache.load(folders[-1], name)
    return int(folders[-1].name.removeprefix("images-"))
