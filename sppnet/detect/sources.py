"""Opening the features of boxes, for the methods that the stages after fine-tuning share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from sppnet.data.store import ArrayStore, array_files
from sppnet.detect.features import LayerFeatures, check_length, open_maps
from sppnet.detect.rcnn import RegionStoreFeatures
from sppnet.errors import SppnetError
from sppnet.geometry.projection import map_geometry
from sppnet.models.network import Network
from sppnet.models.weights import load_network

Method = Literal["spp", "rcnn"]


@dataclass(frozen=True)
class Sources:
    """Files and numbers that the features of boxes come from.

    Attributes:
        method: "spp" pools maps of whole images, "rcnn" reads features of warped boxes.
        weights: network before fine-tuning.
        finetuned: network after it.
        features: spp: maps, one file per size; rcnn: one file, made by the network in `weights`.
        sizes: spp: shorter sides in pixels, in the order of the maps.
        target: spp: side in pixels that a box should have on its scale.
        shrink: spp: pixels by which a box is shrunk on the map.
        finetuned_features: rcnn: the file made by the fine-tuned network.
    """

    method: Method
    weights: Path
    finetuned: Path
    features: Sequence[Path]
    sizes: Sequence[int] = ()
    target: float | None = None
    shrink: float | None = None
    finetuned_features: Path | None = None

    def files(self) -> list[Path]:
        """All files named, for the key of a restart directory."""
        more = [self.finetuned_features] if self.finetuned_features else []
        return [self.weights, self.finetuned, *array_files([*self.features, *more])]

    def settings(self) -> dict[str, object]:
        """The numbers, for the key of a restart directory."""
        return {
            "method": self.method,
            "sizes": list(self.sizes),
            "target": self.target,
            "shrink": self.shrink,
        }


def open_features(sources: Sources, device: torch.device) -> LayerFeatures:
    """Networks and stores behind the features of all layers.

    Raises:
        SppnetError: a file is missing or broken, a flag of the method is missing, or features do
            not fit the networks.
    """
    pretrained = load_network(sources.weights, device)
    finetuned = load_network(sources.finetuned, device)
    if sources.method == "rcnn":
        return _open_rcnn(sources, pretrained, finetuned)
    if sources.target is None or sources.shrink is None or sources.finetuned_features is not None:
        raise SppnetError(
            "--method: spp takes --features, --sizes, --target and --shrink; "
            "give these, and no --finetuned-features"
        )
    geometry = map_geometry(pretrained.backbone, shrink=sources.shrink)
    maps = open_maps(sources.features, sources.sizes, pretrained, geometry, target=sources.target)
    check_length(maps.length, finetuned, sources.features[0])
    return LayerFeatures(pretrained, finetuned, maps, maps)


def _open_rcnn(sources: Sources, pretrained: Network, finetuned: Network) -> LayerFeatures:
    if len(sources.features) != 1 or sources.finetuned_features is None or sources.sizes:
        raise SppnetError(
            "--method: rcnn takes one --features and one --finetuned-features; "
            "give these, and no --sizes"
        )
    files = (sources.features[0], sources.finetuned_features)
    opened = []
    for path, network in zip(files, (pretrained, finetuned), strict=True):
        opened.append(RegionStoreFeatures(ArrayStore(path), network.fc6.weight.device))
        check_length(opened[-1].length, network, path)
    return LayerFeatures(pretrained, finetuned, opened[0], opened[1])
