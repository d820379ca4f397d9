"""Classification of images from many views, cropped from the image or from its feature maps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sppnet.classify.settings import ViewSet
from sppnet.data.images import read_listed, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.data.store import write_parts
from sppnet.geometry.pyramid import WindowPooling
from sppnet.geometry.receptive_field import map_geometry
from sppnet.geometry.views import map_views, mirrored_windows, view_windows
from sppnet.models.backbones import map_shape
from sppnet.models.network import Network
from sppnet.models.preprocessing import normalise
from sppnet.models.weights import load_tensors, save_tensors

CROPS_PER_BATCH = 64  # bounds the memory of views cropped from the image
IMAGES_PER_PART = 20  # maximum number of scores lost when a run is killed


def _pooling(
    cells: tuple[tuple[int, ...], ...],
    map_size: tuple[int, int],
    levels: tuple[int, ...],
    device: torch.device,
) -> WindowPooling:
    return WindowPooling(torch.tensor(cells, device=device), map_size, levels)


class MultiViewClassifier:
    """Scores of images, averaged over views.

    Args:
        network: network in evaluation mode, on the device to use.
        views: view set.

    Raises:
        SppnetError: the views are too small for the backbone.

    Source: paper §3.1.2 (10 views); paper §3.1.4 (full image); paper §3.1.5 (views on maps, 18 per
        scale, 96, 96 + 2 full).
    """

    def __init__(self, network: Network, views: ViewSet) -> None:
        self.network, self.views = network, views
        self.stride = map_geometry(network.backbone).stride
        self.cells = map_shape(network.backbone, views.window, views.window)[1]
        map_shape(network.backbone, min(views.sizes), min(views.sizes))  # raises if too small
        self._pooling = lru_cache(maxsize=256)(_pooling)

    @torch.inference_mode()
    def scores(self, image: np.ndarray) -> tuple[Tensor, int]:
        """Averaged softmax scores float32 `Tensor[K]` on the CPU, and number of views.

        Args:
            image: uint8 `(H, W, 3)` RGB.
        """
        pooled = [
            part
            for size in self.views.sizes
            for part in self._pooled_at_scale(size, resize_shorter_side(image, size))
        ]
        # The fc layers run once on all views: their weights are much larger than the features.
        probabilities = self.network.head(torch.cat(pooled)).softmax(dim=1)
        return probabilities.mean(dim=0).cpu(), len(probabilities)

    def _pooled_at_scale(self, size: int, image: np.ndarray) -> list[Tensor]:
        """Pooled features of the views at one scale."""
        views, height, width = self.views, *image.shape[:2]
        windows = torch.zeros(0, 4, dtype=torch.int64)
        if size in views.scales:
            windows = view_windows(height, width, views.window, views.positions)
        if views.source == "crops":
            pooled = self._crops(image, windows) if len(windows) else []
            whole = views.full == size
            return pooled + (self._pooled(image, windows[:0], whole) if whole else [])
        return self._pooled(image, windows, views.full == size)

    def _crops(self, image: np.ndarray, windows: Tensor) -> list[Tensor]:
        crops = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in windows.tolist()]
        if self.views.mirrored:
            crops += [crop[:, ::-1] for crop in crops]
        batches = [crops[i : i + CROPS_PER_BATCH] for i in range(0, len(crops), CROPS_PER_BATCH)]
        network = self.network
        return [network.pool(network.maps(self._inputs(batch))) for batch in batches]

    def _pooled(self, image: np.ndarray, windows: Tensor, whole: bool) -> list[Tensor]:
        """Windows, and optionally the whole image, pooled from its map and that of its mirror."""
        network = self.network
        images = [image, image[:, ::-1]] if self.views.mirrored else [image]
        maps = network.maps(self._inputs(images))
        pooled = [network.pool(maps)] if whole else []
        if len(windows):
            levels, map_size = network.architecture.levels, (maps.shape[2], maps.shape[3])
            for number, feature_map in enumerate(maps):
                image_windows = mirrored_windows(windows, image.shape[1]) if number else windows
                cells = map_views(image_windows, self.stride, map_size, self.cells)
                # Images of one size have the same windows.
                key = tuple(map(tuple, cells.tolist()))
                pooled.append(self._pooling(key, map_size, levels, maps.device)(feature_map))
        return pooled

    def _inputs(self, images: list[np.ndarray]) -> Tensor:
        device = self.network.fc6.weight.device
        pixels = torch.from_numpy(np.stack(images))
        return normalise(pixels, self.network.architecture).to(device)


@dataclass(frozen=True)
class ViewScores:
    """Scores of a set of images.

    Attributes:
        scores: float32 `Tensor[N, K]`.
        views: number of views of each image.
    """

    scores: Tensor
    views: tuple[int, ...]


def score_images(classifier: MultiViewClassifier, images: Iterable[np.ndarray]) -> ViewScores:
    """Score images one by one.

    Args:
        classifier: network and view set.
        images: uint8 `(H, W, 3)` RGB.
    """
    scores, counts = zip(*map(classifier.scores, images), strict=True)
    return ViewScores(torch.stack(scores), counts)


def score_files(
    classifier: MultiViewClassifier, records: Sequence[ImageRecord], restart: Path
) -> ViewScores:
    """Score image files in parts, so that a killed run resumes after the last finished part.

    Args:
        classifier: network and view set.
        records: images.
        restart: folder for finished parts (see `restart_directory`).

    Raises:
        SppnetError: an image cannot be read.
    """

    def write(part: Sequence[ImageRecord], path: Path) -> None:
        part_scores = score_images(classifier, map(read_listed, part))
        save_tensors(
            path, {"scores": part_scores.scores, "views": torch.tensor(part_scores.views)}, {}
        )

    written = write_parts(
        records, IMAGES_PER_PART, write, restart=restart, suffix=".safetensors", task="images"
    )
    parts = [load_tensors(path)[0] for path in written]
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return ViewScores(joined["scores"], tuple(joined["views"].tolist()))


def merged(first: ViewScores, second: ViewScores) -> ViewScores:
    """Scores averaged over the views of both, of the same images."""
    counts = torch.tensor([first.views, second.views])
    shares = (counts / counts.sum(dim=0)).unsqueeze(2)
    scores = shares[0] * first.scores + shares[1] * second.scores
    return ViewScores(scores, tuple(counts.sum(dim=0).tolist()))
