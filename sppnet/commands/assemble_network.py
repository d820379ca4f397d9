"""assemble-network: an imported backbone with fully-connected layers that start at random."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from sppnet.commands.options import Written
from sppnet.models import settings
from sppnet.models.network import Architecture, build_network
from sppnet.models.weights import load_backbone, save_network

SEED = 1  # of fc6 and fc7


def run(
    *,
    architecture: settings.Architecture,
    backbone_weights: Annotated[Path, Parameter(help="Imported backbone (.safetensors).")],
    output: Annotated[Written, Parameter(help="Network (.safetensors).")],
) -> None:
    """Put fully-connected layers that start at random on an imported backbone."""
    # Fine-tuning replaces the classifier, which knows no class here.
    described = Architecture(**architecture.model_dump(), classes=(), background=True)
    generator = torch.Generator().manual_seed(SEED)
    network = build_network(described, initialisation="he", generator=generator)
    load_backbone(network, backbone_weights)
    save_network(output, network)
