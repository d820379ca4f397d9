"""Bring the weights of a backbone that was trained elsewhere into the project's own format."""

from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.models.weights import import_backbone, save_backbone


def run(
    source: Annotated[str, Option(help="An .npz or .safetensors file, or torchvision:NAME.")],
    backbone: Annotated[str, Option(help="squeezenet, zf5, alex5 or torchvision:NAME.")],
    output: Annotated[Path, Option(help="Safetensors file to write.")],
) -> None:
    """Bring the weights of a backbone that was trained elsewhere into the project's own format."""
    save_backbone(output, backbone, import_backbone(source, backbone))
