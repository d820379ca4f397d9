"""import-weights: the backbone of a network that was trained elsewhere."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Written
from sppnet.models.settings import BackboneSource
from sppnet.models.weights import import_backbone, save_backbone


def run(
    *,
    origin: BackboneSource,
    backbone: Annotated[
        str, Parameter(help="Backbone: squeezenet, efficientnet_lite0 or torchvision:NAME.")
    ],
    output: Annotated[Written, Parameter(help="Backbone (.safetensors).")],
) -> None:
    """Import the weights of a backbone that was trained elsewhere."""
    save_backbone(output, backbone, import_backbone(origin.source, backbone))
