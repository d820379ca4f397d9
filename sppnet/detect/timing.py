"""Time per image of several detectors, without reading images or computing proposals.

Two parts are timed. conv: from the decoded image in memory to the pooled conv5 features of all
proposals (resizing or cropping and warping, backbone, pooling). fc: from these features to the SVM
scores on fc7. Proposals on the same map cells share both, as in detection. Non-maximum suppression
and box regression are not timed.

Source: paper §4.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sppnet.detect.features import ROWS_PER_PRODUCT, convolve
from sppnet.detect.pooling import ScalePooling
from sppnet.detect.rcnn import convolve_boxes
from sppnet.detect.settings import Warp
from sppnet.detect.svm import LinearSvms
from sppnet.geometry.projection import unique_rows
from sppnet.geometry.receptive_field import MapGeometry
from sppnet.models.clock import summary, timed
from sppnet.models.network import Network
from sppnet.progress import track

Sample = tuple[np.ndarray, Tensor]  # uint8 (H, W, 3) RGB image, float32 (R, 4) proposals
Pooled = tuple[
    Tensor, Tensor
]  # float32 (J, D) distinct features, int64 (R,) feature index of each box
Times = dict[str, np.ndarray]


class Pooling(Protocol):
    """The conv part of a detector."""

    def __call__(self, image: np.ndarray, boxes: Tensor) -> Pooled:
        """Pooled features of the boxes `Tensor[R, 4]` of a uint8 `(H, W, 3)` RGB image."""
        ...


@dataclass(frozen=True)
class ImagePooling:
    """SPP-net: one map of the whole image per scale, every box pooled at its best scale.

    Attributes:
        network: network with backbone and pyramid.
        geometry: stride and offset of the backbone.
        sizes: shorter sides in pixels.
        target: preferred side of a box at its scale, in pixels.
    """

    network: Network
    geometry: MapGeometry
    sizes: tuple[int, ...]
    target: float

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, boxes: Tensor) -> Pooled:
        """Pooled features; the maps of all scales are computed, even unused ones."""
        network = self.network
        maps = [convolve(network, image, size) for size in self.sizes]
        pooling = ScalePooling(self.sizes, self.geometry, network.architecture.levels, self.target)
        map_sizes = [(feature_map.shape[1], feature_map.shape[2]) for feature_map in maps]
        windows = pooling.windows(boxes, min(image.shape[:2]), map_sizes)
        first, index = unique_rows(windows)
        features = pooling.pool(maps.__getitem__, windows[first])
        return features, index.to(features.device)


@dataclass(frozen=True)
class CropPooling:
    """R-CNN: every box is cropped, warped and convolved separately.

    Attributes:
        network: network with backbone and pyramid.
        warp: size and context of the warped boxes.
        batch: number of boxes per forward pass.
    """

    network: Network
    warp: Warp
    batch: int

    def __call__(self, image: np.ndarray, boxes: Tensor) -> Pooled:
        """Pooled features, one row per box."""
        pooled = convolve_boxes(
            self.network, image, boxes.numpy(), warp=self.warp, batch=self.batch
        )
        return pooled, torch.arange(len(boxes))


@dataclass(frozen=True)
class TimedDetector:
    """A detector in memory.

    Attributes:
        pooling: the conv part.
        network: fine-tuned network with fc6 and fc7.
        svms: SVMs on fc7.
    """

    pooling: Pooling
    network: Network
    svms: LinearSvms

    @torch.inference_mode()
    def score(self, pooled: Pooled) -> Tensor:
        """The fc part: float32 `Tensor[R, K]` scores of pooled features."""
        features, index = pooled
        blocks = torch.split(features, ROWS_PER_PRODUCT)
        scores = [self.svms.scores(self.network.hidden(block)["fc7"]) for block in blocks]
        return torch.cat(scores)[index]


def fastest_batch(
    pooling: CropPooling, sample: Sample, batches: Sequence[int], device: torch.device
) -> CropPooling:
    """The same pooling with the fastest batch size on some boxes of an image.

    A speed ratio is fair only if R-CNN runs with its fastest batch size.
    """
    image, boxes = sample[0], sample[1][: 2 * max(batches)]
    seconds = {}
    for batch in batches:
        candidate = replace(pooling, batch=batch)
        candidate(image, boxes)  # warm-up, not timed
        seconds[batch], _ = timed(partial(candidate, image, boxes), device)
    return replace(pooling, batch=min(seconds, key=lambda batch: seconds[batch]))


def measure(
    detectors: Mapping[str, TimedDetector],
    samples: Sequence[Sample],
    *,
    repeats: int,
    device: torch.device,
) -> dict[str, Times]:
    """Seconds per image of every detector, measured in turn under the same conditions.

    Every detector first runs once untimed. Then, in each pass, all detectors run in turn on each
    image.

    Args:
        detectors: detectors by name.
        samples: images and their proposals.
        repeats: number of passes over the images; the time of an image is the median over passes.
        device: device to synchronise before the clock is read.

    Returns:
        By name, float64 arrays "conv", "fc" and "total", one entry per image.

    Source: paper §4.3. Differs: all detectors run in turn on the same images.
    """
    seconds = {name: np.zeros((repeats, len(samples), 2)) for name in detectors}
    for detector in detectors.values():
        detector.score(detector.pooling(*samples[0]))
    steps = [(repeat, index) for repeat in range(repeats) for index in range(len(samples))]
    for repeat, index in track(steps, "timing"):
        for name, detector in detectors.items():
            conv, pooled = timed(partial(detector.pooling, *samples[index]), device)
            fc, _ = timed(partial(detector.score, pooled), device)
            seconds[name][repeat, index] = conv, fc
    return {name: _parts(values) for name, values in seconds.items()}


def _parts(seconds: np.ndarray) -> Times:
    total = np.median(seconds.sum(axis=2), axis=0)
    conv, fc = np.median(seconds, axis=0).T
    return {"conv": conv, "fc": fc, "total": total}


def summarise(times: Times) -> dict[str, dict[str, Any]]:
    """Median over the images and time of each image, in seconds, for every part.

    Source: paper §4.3. Differs: the paper gives the mean of 100 images.
    """
    return {part: summary(values) for part, values in times.items()}
