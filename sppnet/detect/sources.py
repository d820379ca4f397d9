"""Opening of box features for the stages after fine-tuning, which SPP-net and R-CNN share."""

from pathlib import Path

import torch
from pydantic import Field

from sppnet.config.section import Section
from sppnet.data.store import ArrayStore, array_files
from sppnet.detect.features import LayerFeatures, check_length, open_maps
from sppnet.detect.rcnn import RegionStoreFeatures
from sppnet.detect.settings import MapPooling
from sppnet.errors import SppnetError
from sppnet.models.network import Network
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network


class Sources(Section):
    """Networks and box features; SPP-net if there are settings of pooling, else R-CNN."""

    weights: Path = Field(description="Network from pretrain.")
    finetuned: Path = Field(description="Network from finetune or finetune-rcnn.")
    features: tuple[Path, ...] = Field(
        description="SPP-net: conv5 maps, one file per scale. R-CNN: features of the boxes from "
        "the pretrained and from the fine-tuned network."
    )
    pooling: MapPooling | None = None

    def files(self) -> list[Path]:
        """All files, part of the key of a restart directory."""
        return [self.weights, self.finetuned, *array_files(self.features)]

    def settings(self) -> dict[str, object]:
        """The settings, part of the key of a restart directory."""
        return {"pooling": self.pooling.model_dump() if self.pooling else None}


def open_features(
    sources: Sources, device: torch.device, inference: Inference = Inference()
) -> LayerFeatures:
    """Open the networks and stores that give the features of all layers.

    Args:
        sources: their files.
        device: to compute on.
        inference: precision of fc6 and fc7; pooled features are as they were stored.

    Raises:
        SppnetError: a file is missing or damaged, or features do not fit the networks.
    """
    pretrained = load_network(sources.weights, device, inference)
    finetuned = load_network(sources.finetuned, device, inference)
    if sources.pooling is None:
        return _open_rcnn(sources, pretrained, finetuned)
    maps = open_maps(sources.features, sources.pooling, pretrained)
    check_length(maps.length, finetuned, sources.features[0])
    return LayerFeatures(pretrained, finetuned, maps, maps)


def _open_rcnn(sources: Sources, pretrained: Network, finetuned: Network) -> LayerFeatures:
    if len(sources.features) != 2:
        raise SppnetError(
            f"--features: {len(sources.features)} files without --scales; R-CNN takes two, of the "
            "pretrained and of the fine-tuned network; SPP-net also takes --scales, --target, "
            "--shrink"
        )
    region_features = []
    for path, network in zip(sources.features, (pretrained, finetuned), strict=True):
        region_features.append(RegionStoreFeatures(ArrayStore(path), network.fc6.weight.device))
        check_length(region_features[-1].length, network, path)
    return LayerFeatures(pretrained, finetuned, region_features[0], region_features[1])
