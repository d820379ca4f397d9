"""Box features from cached conv5 maps of whole images, each box pooled at its best scale."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from sppnet.data.images import read_listed, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.data.store import ArrayStore
from sppnet.detect.pooling import ScalePooling
from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import MapPooling
from sppnet.errors import SppnetError
from sppnet.geometry.projection import unique_rows
from sppnet.geometry.receptive_field import MapGeometry, map_geometry
from sppnet.models.half_precision import FeatureWriter
from sppnet.models.network import Network
from sppnet.models.preprocessing import normalise
from sppnet.progress import track

LAYERS = ("pool5", "fc6", "ftfc6", "ftfc7")
ROWS_PER_PRODUCT = 512  # bounds the memory of the fully connected layers


@torch.inference_mode()
def convolve(network: Network, image: np.ndarray, size: int) -> Tensor:
    """conv5 map of a whole image whose shorter side is resized to `size`.

    Args:
        network: its backbone runs on the network's device.
        image: uint8 `(H, W, 3)` RGB.
        size: shorter side in pixels.

    Returns:
        float32 `Tensor[C, H', W']` on the network's device.

    Source: paper §4.1; release spp_features_convX.m.
    """
    pixels = torch.from_numpy(resize_shorter_side(image, size))[None]
    inputs = normalise(pixels, network.architecture)
    return network.maps(inputs.to(network.fc6.weight.device))[0]


def cache_maps(
    records: Sequence[ImageRecord],
    network: Network,
    *,
    size: int,
    weights: Path,
    path: Path,
    restart: Path,
) -> None:
    """Store the conv5 map of every image: key image id, float16 `(H', W', C)`.

    Values outside the range of half precision are clamped and counted.

    Args:
        records: images to convolve.
        network: network on the device to use.
        size: shorter side of the resized images in pixels.
        weights: file of the network, for error messages.
        path: `.npy` file to write; the index is written beside it.
        restart: folder for unfinished work; a killed run resumes from it.

    Raises:
        SppnetError: an image cannot be read, or its map has NaN or infinity.
    """
    with FeatureWriter(path, restart, weights) as writer:
        pending = [record for record in records if record.image not in writer.done]
        for record in track(pending, f"conv5 at {size} px"):
            maps = convolve(network, read_listed(record), size)
            writer.store(record.image, maps.permute(1, 2, 0))


class MapFeatures:
    """Pooled conv5 features of boxes, each at the scale where its area is closest to target².

    Args:
        stores: maps of `cache_maps` by shorter side in pixels, in the order of the scales.
        geometry: stride and offset of the backbone that made the maps.
        levels: bins per side of each pyramid level.
        target: preferred side of a box at its scale, in pixels (the paper's 224).
        device: device of the pooling and of the features.

    Raises:
        SppnetError: no store, or stores of different networks.

    Source: paper §4.1.
    """

    def __init__(
        self,
        stores: Mapping[int, ArrayStore],
        geometry: MapGeometry,
        levels: Sequence[int],
        target: float,
        device: torch.device | str = "cpu",
    ) -> None:
        if len({store.channels for store in stores.values()}) != 1:
            channels = {size: store.channels for size, store in stores.items()}
            raise SppnetError(
                f"--features: channels by size are {channels}; give one or more caches of the "
                "same network"
            )
        self.stores, self.sizes = dict(stores), tuple(stores)
        self.pooling = ScalePooling(self.sizes, geometry, tuple(levels), target)
        self.device = torch.device(device)

    @property
    def length(self) -> int:
        """D, the number of values per box."""
        channels = self.stores[self.sizes[0]].channels
        return channels * sum(level * level for level in self.pooling.levels)

    def pool5(self, regions: ImageRegions, rows: Tensor, scales: Tensor | None = None) -> Tensor:
        """Features of some boxes of an image.

        Args:
            regions: the image and its boxes.
            rows: int64 `Tensor[K]`, rows of `regions.boxes`.
            scales: int64 `Tensor[K]`, index into `sizes` for each row; None selects the best scale.

        Returns:
            float32 `Tensor[K, D]`.

        Raises:
            SppnetError: a store does not contain the image, or its map is damaged.
        """
        windows = self.window_keys(regions, rows, scales)
        return self.pooling.pool(partial(self._map, regions), windows)

    def window_keys(
        self, regions: ImageRegions, rows: Tensor, scales: Tensor | None = None
    ) -> Tensor:
        """int64 `Tensor[K, 5]`: scale index and map window; equal rows have equal features.

        Source: release spm_response_boxes.m (drops repeated negatives by such a key). Differs: it
            uses windows before clamping to the map, which distinguishes a few more boxes.
        """
        map_sizes = [self.stores[size][regions.image].shape[:2] for size in self.sizes]
        short_side = min(regions.width, regions.height)
        return self.pooling.windows(regions.boxes[rows], short_side, map_sizes, scales)

    def distinct(self, regions: ImageRegions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows with distinct features: boxes on the same map cells share their features.

        Returns:
            int64 `Tensor[J]`, a subset of `rows`, and int64 `Tensor[K]`: for each of the K rows,
            the index of its features in that subset.
        """
        first, index = unique_rows(self.window_keys(regions, rows))
        return rows[first], index

    def _map(self, regions: ImageRegions, scale: int) -> Tensor:
        stored = self.stores[self.sizes[scale]].read(regions.image)
        # copied because the store returns a read-only view of the file
        return torch.from_numpy(np.array(stored)).to(self.device).permute(2, 0, 1).float()


class BoxFeatures(Protocol):
    """Source of pooled conv5 features: `MapFeatures`, or `RegionStoreFeatures` of R-CNN."""

    def pool5(self, regions: ImageRegions, rows: Tensor) -> Tensor:
        """float32 `Tensor[K, D]` of the boxes in `rows`, int64 `Tensor[K]`."""
        ...

    def distinct(self, regions: ImageRegions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows with distinct features, and for each row its index among them."""
        ...


class LayerFeatures:
    """Box features at the layers of Table 9, before and after fine-tuning.

    Args:
        pretrained: network before fine-tuning, for layers pool5 and fc6.
        finetuned: network after fine-tuning, for layers ftfc6 and ftfc7.
        source: pooled conv5 features of the pretrained network.
        finetuned_source: those of the fine-tuned network; the same object if fine-tuning left
            the convolutions unchanged (SPP), and boxes are then pooled only once.

    Source: paper §4.2 (rows of Table 9).
    """

    def __init__(
        self,
        pretrained: Network,
        finetuned: Network,
        source: BoxFeatures,
        finetuned_source: BoxFeatures,
    ) -> None:
        self.pretrained, self.finetuned = pretrained, finetuned
        self.source, self.finetuned_source = source, finetuned_source

    @torch.inference_mode()
    def layers(
        self, regions: ImageRegions, rows: Tensor, names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Features of some boxes of an image, after ReLU. Equal features are computed only once.

        Args:
            regions: the image and its boxes.
            rows: int64 `Tensor[K]`, rows of `regions.boxes`.
            names: layers, a subset of `LAYERS`.

        Returns:
            float32 `Tensor[K, D]` by layer name, in the order of `names`.

        Raises:
            SppnetError: unknown layer.
        """
        unknown = sorted(set(names) - set(LAYERS))
        if unknown:
            raise SppnetError(f"layer: {unknown[0]!r} is unknown; use {', '.join(LAYERS)}")
        rows, index = self.source.distinct(regions, rows)
        features: dict[str, Tensor] = {}
        if {"pool5", "fc6"} & set(names):
            features["pool5"] = self.source.pool5(regions, rows)
        if "fc6" in names:
            features["fc6"] = _hidden(self.pretrained, features["pool5"])["fc6"]
        if {"ftfc6", "ftfc7"} & set(names):
            shared = self.source is self.finetuned_source and "pool5" in features
            pooled = features["pool5"] if shared else self.regression_features(regions, rows)
            hidden = _hidden(self.finetuned, pooled)
            features.update(ftfc6=hidden["fc6"], ftfc7=hidden["fc7"])
        return {name: features[name][index.to(features[name].device)] for name in names}

    def regression_features(self, regions: ImageRegions, rows: Tensor) -> Tensor:
        """float32 `Tensor[K, D]` pooled conv5 features, the input of the box regressors."""
        return self.finetuned_source.pool5(regions, rows)


def _hidden(network: Network, pool5: Tensor) -> dict[str, Tensor]:
    blocks = [network.hidden(block) for block in torch.split(pool5, ROWS_PER_PRODUCT)]
    return {name: torch.cat([block[name] for block in blocks]) for name in ("fc6", "fc7")}


def open_maps(features: Sequence[Path], pooling: MapPooling, network: Network) -> MapFeatures:
    """Map features from the files that `cache_maps` wrote.

    Args:
        features: one `.npy` per scale.
        pooling: scales in the same order, preferred side of a box, shrinking of windows.
        network: the network that made the maps, on the device to pool on.

    Raises:
        SppnetError: the numbers of files and scales differ, a scale is repeated, a file is damaged,
            or the channels of the maps do not fit the network.
    """
    scales = pooling.scales
    if len(features) != len(scales) or len(set(scales)) != len(scales):
        raise SppnetError(
            f"--features, --scales: {len(features)} files and scales {list(scales)}; "
            "give one file per scale, in the same order"
        )
    stores = {scale: ArrayStore(Path(path)) for path, scale in zip(features, scales, strict=True)}
    maps = MapFeatures(
        stores,
        map_geometry(network.backbone, shrink=pooling.shrink),
        network.architecture.levels,
        pooling.target,
        device=network.fc6.weight.device,
    )
    check_length(maps.length, network, features[0])
    return maps


def check_length(length: int, network: Network, path: Path) -> None:
    """Check that features fit the network's fc6.

    Raises:
        SppnetError: the number of values per box is not the input length of fc6.
    """
    if length != network.fc6.in_features:
        raise SppnetError(
            f"{path}: gives {length} values per box, but the network takes "
            f"{network.fc6.in_features}; cache the features with the same network"
        )
