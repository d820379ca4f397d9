"""draw-responses: images to which filters of the last convolution respond most."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from sppnet.commands.options import Manifest, Weights, Written
from sppnet.data.images import read_listed, resize_shorter_side
from sppnet.data.manifest import ImageRecord, read_manifest
from sppnet.detect.features import convolve
from sppnet.geometry.receptive_field import map_geometry, receptive_field
from sppnet.models.backbones import map_shape
from sppnet.models.compute import Compute
from sppnet.models.network import Network
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network
from sppnet.progress import track
from sppnet.report.responses import (
    FilterResponses,
    Response,
    choose_filters,
    strongest_images,
)
from sppnet.report.responses_page import draw_responses
from sppnet.report.settings import StrongestResponses


def run(
    *,
    manifest: Manifest,
    weights: Weights,
    figure: StrongestResponses,
    output: Annotated[Written, Parameter(help="Figure (.png).")],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Draw the strongest responses of filters, with their receptive fields in the images."""
    device = compute.start()
    records = read_manifest(manifest, dataset=figure.dataset, split=figure.split)
    network, size = load_network(weights, device, inference), figure.size
    map_shape(network.backbone, size, size)  # refuses a size that is too small before long work
    geometry, field = map_geometry(network.backbone), receptive_field(network.backbone)
    strengths = _strengths(network, records, size)
    rows = []
    for channel in choose_filters(strengths, figure.filters):
        strongest = strongest_images(strengths, channel, figure.images)
        responses = [_response(network, records[i], size, channel) for i in strongest]
        rows.append(FilterResponses(channel, responses))
    caption = (
        "Strongest responses of filters of the last convolution of "
        f"{network.architecture.backbone} among {len(records)} images, shorter side {size} "
        f"pixels. Rectangle: receptive field of the strongest cell, {field} x {field} pixels, cut "
        "at the edges."
    )
    draw_responses(output, rows, geometry=geometry, field=field, caption=caption)


def _strengths(network: Network, records: Sequence[ImageRecord], size: int) -> np.ndarray:
    """`(images, channels)`: the strongest response of each filter on each image."""
    strengths = []
    for record in track(records, f"responses at {size} px"):
        maps = convolve(network, read_listed(record), size)
        strengths.append(maps.amax(dim=(1, 2)).cpu().numpy())
    return np.stack(strengths)


def _response(network: Network, record: ImageRecord, size: int, channel: int) -> Response:
    image = read_listed(record)
    values = convolve(network, image, size)[channel].cpu().numpy()
    return Response(Path(record.image).name, resize_shorter_side(image, size), values)
