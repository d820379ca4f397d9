"""Time per image of detectors side by side, without reading images or making proposals.

Two parts are timed. conv: from the decoded image in memory to the pooled conv5 features of all
proposals (resizing or cropping and warping, backbone, pooling). fc: from these to the SVM scores on
fc7. Proposals on the same map cells share both, as in detection. Suppression and box regression are
left out.

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
from sppnet.geometry.projection import first_of_equal
from sppnet.geometry.receptive_field import MapGeometry
from sppnet.models.clock import summary, timed
from sppnet.models.network import Network
from sppnet.progress import track

Sample = tuple[np.ndarray, Tensor]  # uint8 (H, W, 3) RGB image, float32 (R, 4) proposals
Pooled = tuple[Tensor, Tensor]  # float32 (J, D) distinct features, int64 (R,) that of each box
Times = dict[str, np.ndarray]


class Pooling(Protocol):
    """The conv part of a detector."""

    def __call__(self, image: np.ndarray, boxes: Tensor) -> Pooled:
        """Features of a uint8 `(H, W, 3)` image's boxes `Tensor[R, 4]`."""
        ...


@dataclass(frozen=True)
class ImagePooling:
    """SPP: one map per scale of the whole image, every box pooled on its best scale.

    Attributes:
        network: gives the backbone and the pyramid.
        geometry: of its backbone.
        sizes: shorter sides in pixels.
        target: side in pixels that a box should have on its scale.
    """

    network: Network
    geometry: MapGeometry
    sizes: tuple[int, ...]
    target: float

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, boxes: Tensor) -> Pooled:
        """Pooled features; the map of every scale is made, needed or not."""
        network = self.network
        maps = [convolve(network, image, size) for size in self.sizes]
        pooling = ScalePooling(self.sizes, self.geometry, network.architecture.levels, self.target)
        map_sizes = [(each.shape[1], each.shape[2]) for each in maps]
        windows = pooling.windows(boxes, min(image.shape[:2]), map_sizes)
        first, index = first_of_equal(windows)
        features = pooling.pool(maps.__getitem__, windows[first])
        return features, index.to(features.device)


@dataclass(frozen=True)
class CropPooling:
    """R-CNN: every box is cut out, warped and convolved by itself.

    Attributes:
        network: gives the backbone and the pyramid.
        warp: how boxes are cut out.
        batch: boxes convolved at a time.
    """

    network: Network
    warp: Warp
    batch: int

    def __call__(self, image: np.ndarray, boxes: Tensor) -> Pooled:
        """Pooled features, every box its own."""
        pooled = convolve_boxes(
            self.network, image, boxes.numpy(), warp=self.warp, batch=self.batch
        )
        return pooled, torch.arange(len(boxes))


@dataclass(frozen=True)
class TimedDetector:
    """A detector in memory.

    Attributes:
        pooling: its conv part.
        network: fine-tuned, gives fc6 and fc7.
        svms: on fc7.
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
    """The same pooling with the batch size that takes least time on some boxes of an image.

    A speed ratio is only fair at the batch that suits R-CNN best.
    """
    image, boxes = sample[0], sample[1][: 2 * max(batches)]
    seconds = {}
    for batch in batches:
        candidate = replace(pooling, batch=batch)
        candidate(image, boxes)  # not timed: first calls set things up
        seconds[batch], _ = timed(partial(candidate, image, boxes), device)
    return replace(pooling, batch=min(seconds, key=lambda batch: seconds[batch]))


def measure(
    detectors: Mapping[str, TimedDetector],
    samples: Sequence[Sample],
    *,
    repeats: int,
    device: torch.device,
) -> dict[str, Times]:
    """Seconds per image of every detector, taken in turn so that all meet the same conditions.

    Every detector runs once untimed; then, pass by pass and image by image, each in turn.

    Args:
        detectors: by name.
        samples: images and their proposals.
        repeats: passes over the images; an image's time is the median over them.
        device: to wait for before the clock is read.

    Returns:
        By name, float64 arrays "conv", "fc" and "total", one entry per image.

    Source: paper §4.3. Differs: images are the same for all and each detector takes its turn.
    """
    seconds = {name: np.zeros((repeats, len(samples), 2)) for name in detectors}
    for detector in detectors.values():
        detector.score(detector.pooling(*samples[0]))
    turns = [(turn, index) for turn in range(repeats) for index in range(len(samples))]
    for turn, index in track(turns, "timing"):
        for name, detector in detectors.items():
            conv, pooled = timed(partial(detector.pooling, *samples[index]), device)
            fc, _ = timed(partial(detector.score, pooled), device)
            seconds[name][turn, index] = conv, fc
    return {name: _parts(taken) for name, taken in seconds.items()}


def _parts(taken: np.ndarray) -> Times:
    total = np.median(taken.sum(axis=2), axis=0)
    conv, fc = np.median(taken, axis=0).T
    return {"conv": conv, "fc": fc, "total": total}


def summarise(times: Times) -> dict[str, dict[str, Any]]:
    """Median over the images, and the time of each image, of every part; in seconds.

    Source: paper §4.3. Differs: it gives the mean of 100 images.
    """
    return {part: summary(values) for part, values in times.items()}
