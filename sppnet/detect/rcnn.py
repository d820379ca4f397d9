"""R-CNN, the baseline: every box is cut out, warped to one size and convolved by itself."""

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
    """Cut boxes out of an image, with context, and warp each to a square.

    A box is enlarged about its centre by crop / (crop - 2 context) in width and height alike, so
    that after warping `context` pixels surround it on every side; its edges are rounded to whole
    pixels. Aspect is not kept. What lies outside the image takes the colour `fill`.

    Args:
        image: uint8 `(H, W, 3)`.
        boxes: `(K, 4)` x1 y1 x2 y2 in pixels of the image, at least partly inside it.
        warp: side of the result (R-CNN: 227) and context in it (R-CNN: 16), in pixels.
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
        columns, left = _axis(x1, x2, image.shape[1], size)
        rows, top = _axis(y1, y2, image.shape[0], size)
        inside = image[rows, columns]
        target = crop[top, left]
        height, width = target.shape[:2]
        target[:] = cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR)
    return crops


def fill_colour(architecture: Architecture) -> tuple[int, int, int]:
    """The network's mean as an RGB colour, rounded: it becomes (nearly) 0 after preprocessing.

    Source: RCNN appendix A.
    """
    first, second, third = (int(np.clip(round(value), 0, 255)) for value in architecture.mean)
    if architecture.channel_order == "BGR":
        return third, second, first
    return first, second, third


def mirror_half(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Crops of which each is mirrored left to right with probability 1/2.

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
        network: its backbone and pyramid are applied on the device that it is on.
        image: uint8 `(H, W, 3)` RGB.
        boxes: `(R, 4)` in pixels of the image.
        warp: how boxes are cut out.
        batch: boxes convolved at a time.

    Returns:
        float32 `Tensor[R, D]` on the network's device.

    Source: RCNN §2.1; RCNN appendix A.
    """
    device = network.fc6.weight.device
    fill = fill_colour(network.architecture)
    pooled = torch.empty(len(boxes), network.fc6.in_features, device=device)
    for first in range(0, len(boxes), batch):
        some = slice(first, first + batch)
        crops = warp_regions(image, boxes[some], warp=warp, fill=fill)
        pixels = normalise(torch.from_numpy(crops).to(device), network.architecture)
        pooled[some] = network.pool(network.maps(pixels))
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
    """Store pooled conv5 features of all boxes: key image id, float16 `(R, D)`, rows as in `boxes`.

    Values beyond half precision's range are stored as its limit, and counted.

    Args:
        regions: images and their boxes.
        network: on the device to use.
        warp: how boxes are cut out.
        batch: boxes convolved at a time; decides speed only.
        weights: the network's file, named in messages.
        path: the `.npy` to write, its index beside it.
        restart: folder for unfinished work; a killed run goes on from there.

    Raises:
        SppnetError: an image cannot be read, or its features have NaN or infinity.
    """
    with FeatureWriter(path, restart, weights) as writer:
        left = [each for each in regions if each.image not in writer.done]
        for each in track(left, f"boxes at {warp.crop} px"):
            image = read_listed(each)
            boxes = each.boxes.numpy()
            pooled = convolve_boxes(network, image, boxes, warp=warp, batch=batch)
            writer.store(each.image, pooled)


class RegionStoreFeatures:
    """Pooled conv5 features of boxes from the file that `cache_region_features` wrote.

    Args:
        store: features by image, rows in the order of `ImageRegions.boxes`.
        device: where the features go.
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
                f"{self.store.path}: {len(stored)} boxes of image {regions.image} where "
                f"{len(regions.boxes)} are asked for; cache the features of these proposals"
            )
        values = self.store.read(regions.image, rows.numpy())
        return torch.from_numpy(values).to(self.device).float()

    def distinct(self, regions: ImageRegions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Every box was cut out by itself: all of `rows`, each its own."""
        return rows, torch.arange(len(rows))


def _enlarge(boxes: np.ndarray, factor: float) -> np.ndarray:
    """int64 `(K, 4)`: boxes grown about their centres, edges rounded half up, 1 pixel at least."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2 * factor
    low = np.floor(centres - halves + 0.5).astype(np.int64)
    high = np.floor(centres + halves + 0.5).astype(np.int64)
    return np.concatenate([low, np.maximum(high, low + 1)], axis=1)


def _axis(start: int, stop: int, length: int, size: int) -> tuple[slice, slice]:
    """Along one axis: the part of [start, stop) inside the image, and where it goes in the crop."""
    scale = size / (stop - start)
    first, last = min(max(start, 0), length - 1), max(min(stop, length), 1)
    begin = min(round((first - start) * scale), size - 1)
    end = max(round((last - start) * scale), begin + 1)
    return slice(first, last), slice(begin, end)
