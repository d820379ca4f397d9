"""R-CNN, the baseline: every box is cropped, warped to a fixed size and convolved separately."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from sppnet.data.images import read_listed
from sppnet.data.store import ArrayStore
from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import Warp
from sppnet.errors import SppnetError
from sppnet.models.half_precision import FeatureWriter
from sppnet.models.network import Architecture, Network
from sppnet.models.preprocessing import normalise
from sppnet.progress import track


def warp_regions(
    image: np.ndarray, boxes: np.ndarray, *, warp: Warp, fill: tuple[int, int, int]
) -> np.ndarray:
    """Crop boxes with context from an image and warp each to a square.

    A box is enlarged about its centre by crop / (crop - 2 context) in width and height, so that
    after warping `context` pixels surround it on every side. Its edges are rounded to whole
    pixels. The aspect ratio is not preserved. Pixels outside the image get the colour `fill`.

    Args:
        image: uint8 `(H, W, 3)`.
        boxes: `(K, 4)` x1 y1 x2 y2 in pixels of the image, at least partly inside the image.
        warp: side of a crop (R-CNN: 227) and context within it (R-CNN: 16), in pixels.
        fill: colour in the channel order of the image.

    Returns:
        uint8 `(K, crop, crop, 3)`.

    Source: RCNN appendix A; RCNN release rcnn_im_crop.m. Differs: the release's
        enlarged box is one pixel wider, as it adds a full width to an inclusive first pixel.
    """
    size = warp.crop
    edges = _enlarge(np.asarray(boxes, dtype=np.float64), size / (size - 2 * warp.context))
    crops = np.empty((len(edges), size, size, 3), dtype=np.uint8)
    crops[:] = fill
    for crop, (x1, y1, x2, y2) in zip(crops, edges.tolist(), strict=True):
        source_columns, target_columns = _axis(x1, x2, image.shape[1], size)
        source_rows, target_rows = _axis(y1, y2, image.shape[0], size)
        source = image[source_rows, source_columns]
        target = crop[target_rows, target_columns]
        height, width = target.shape[:2]
        target[:] = cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR)
    return crops


def fill_colour(architecture: Architecture) -> tuple[int, int, int]:
    """The network's mean as a rounded RGB colour, which preprocessing maps to about 0.

    Source: RCNN appendix A.
    """
    first, second, third = (int(np.clip(round(value), 0, 255)) for value in architecture.mean)
    if architecture.channel_order == "BGR":
        return third, second, first
    return first, second, third


def mirror_half(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each crop left to right with probability 1/2.

    Args:
        crops: `Tensor[K, size, size, 3]`.
        generator: source of the choice, on the CPU.

    Returns:
        A new tensor like `crops`.

    Source: RCNN release voc_2007_prototxt.
    """
    chosen = (torch.rand(len(crops), generator=generator) < 0.5).to(crops.device)
    return torch.where(chosen[:, None, None, None], crops.flip(2), crops)


@torch.inference_mode()
def convolve_boxes(
    network: Network, image: np.ndarray, boxes: np.ndarray, *, warp: Warp, batch: int
) -> Tensor:
    """Pooled conv5 features of warped boxes.

    Args:
        network: its backbone and pyramid run on the network's device.
        image: uint8 `(H, W, 3)` RGB.
        boxes: `(R, 4)` in pixels of the image.
        warp: size and context of the warped boxes.
        batch: number of boxes per forward pass.

    Returns:
        float32 `Tensor[R, D]` on the network's device.

    Source: RCNN §2.1; RCNN appendix A.
    """
    device = network.fc6.weight.device
    fill = fill_colour(network.architecture)
    pooled = torch.empty(len(boxes), network.fc6.in_features, device=device)
    for first in range(0, len(boxes), batch):
        part = slice(first, first + batch)
        crops = warp_regions(image, boxes[part], warp=warp, fill=fill)
        pixels = normalise(torch.from_numpy(crops).to(device), network.architecture)
        pooled[part] = network.pool(network.maps(pixels))
    return pooled


def cache_region_features(
    regions: Sequence[ImageRegions],
    network: Network,
    *,
    warp: Warp,
    batch: int,
    weights: Path,
    path: Path,
    restart: Path,
) -> None:
    """Store pooled conv5 features of all boxes: key image id, float16 `(R, D)`, one row per box.

    Values outside the range of half precision are clamped and counted.

    Args:
        regions: images and their boxes.
        network: network on the device to use.
        warp: size and context of the warped boxes.
        batch: number of boxes per forward pass; affects only the speed.
        weights: file of the network, for error messages.
        path: `.npy` file to write; the index is written beside it.
        restart: folder for unfinished work; a killed run resumes from it.

    Raises:
        SppnetError: an image cannot be read, or its features have NaN or infinity.
    """
    with FeatureWriter(path, restart, weights) as writer:
        pending = [
            image_regions for image_regions in regions if image_regions.image not in writer.done
        ]
        for image_regions in track(pending, f"boxes at {warp.crop} px"):
            image = read_listed(image_regions)
            boxes = image_regions.boxes.numpy()
            pooled = convolve_boxes(network, image, boxes, warp=warp, batch=batch)
            writer.store(image_regions.image, pooled)


class RegionStoreFeatures:
    """Pooled conv5 features of boxes from the file that `cache_region_features` wrote.

    Args:
        store: features by image, rows in the order of `ImageRegions.boxes`.
        device: device of the features.
    """

    def __init__(self, store: ArrayStore, device: torch.device | str = "cpu") -> None:
        self.store, self.device = store, torch.device(device)

    @property
    def length(self) -> int:
        """D, the number of values per box."""
        return self.store.channels

    def pool5(self, regions: ImageRegions, rows: Tensor) -> Tensor:
        """float32 `Tensor[K, D]` of the boxes in `rows`, int64 `Tensor[K]`.

        Raises:
            SppnetError: the store lacks the image, is damaged, or was made from other boxes.
        """
        stored = self.store[regions.image]
        if len(stored) != len(regions.boxes):
            raise SppnetError(
                f"{self.store.path}: {len(stored)} boxes of image {regions.image}, but "
                f"{len(regions.boxes)} are needed; cache the features of these proposals"
            )
        values = self.store.read(regions.image, rows.numpy())
        return torch.from_numpy(values).to(self.device).float()

    def distinct(self, regions: ImageRegions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """All of `rows`: every box was cropped separately, so none share features."""
        return rows, torch.arange(len(rows))


def _enlarge(boxes: np.ndarray, factor: float) -> np.ndarray:
    """int64 `(K, 4)`: boxes enlarged about their centres, edges rounded half up, at least 1 px."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2 * factor
    low = np.floor(centres - halves + 0.5).astype(np.int64)
    high = np.floor(centres + halves + 0.5).astype(np.int64)
    return np.concatenate([low, np.maximum(high, low + 1)], axis=1)


def _axis(start: int, stop: int, length: int, size: int) -> tuple[slice, slice]:
    """Along one axis: the part of [start, stop) inside the image, and its position in the crop."""
    scale = size / (stop - start)
    first, last = min(max(start, 0), length - 1), max(min(stop, length), 1)
    begin = min(round((first - start) * scale), size - 1)
    end = max(round((last - start) * scale), begin + 1)
    return slice(first, last), slice(begin, end)
