"""draw-responses: images to which filters of the last convolution respond most."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from typer import Option

from sppnet.data.images import read_listed, resize_shorter_side
from sppnet.data.manifest import ImageRecord, read_manifest
from sppnet.detect.features import convolve
from sppnet.geometry.receptive_field import map_geometry, receptive_field
from sppnet.models.backbones import map_shape
from sppnet.models.network import Network, choose_device
from sppnet.models.weights import load_network
from sppnet.progress import track
from sppnet.report.responses import (
    FilterResponses,
    Response,
    choose_filters,
    strongest_images,
)
from sppnet.report.responses_page import draw_responses


def run(
    manifest: Annotated[Path, Option(help="Manifest of the images.")],
    dataset: Annotated[str, Option(help="detection or classification.")],
    split: Annotated[str, Option(help="Split of that data set to search, such as test or val.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    filters: Annotated[int, Option(help="Filters to show.", min=1)],
    images: Annotated[int, Option(help="Images per filter.", min=1)],
    size: Annotated[int, Option(help="Shorter side of the resized image in pixels.")],
    output: Annotated[Path, Option(help="The page (.png).")],
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Draw the strongest responses of filters, each with the part of the image that it sees."""
    torch.set_num_threads(threads)
    records = read_manifest(manifest, dataset=dataset, split=split)
    network = load_network(weights, choose_device(device))
    map_shape(network.backbone, size, size)  # refuses a size that is too small before long work
    geometry, field = map_geometry(network.backbone), receptive_field(network.backbone)
    strengths = _strengths(network, records, size)
    rows = []
    for channel in choose_filters(strengths, filters):
        shown = [records[index] for index in strongest_images(strengths, channel, images)]
        rows.append(
            FilterResponses(channel, [_response(network, each, size, channel) for each in shown])
        )
    caption = (
        "Strongest responses of filters of the last convolution of "
        f"{network.architecture.backbone} among {len(records)} images, shorter side {size} "
        f"pixels. Rectangle: receptive field of the strongest cell, {field} x {field} pixels, cut "
        "at the edges."
    )
    draw_responses(output, rows, geometry=geometry, field=field, caption=caption)


def _strengths(network: Network, records: Sequence[ImageRecord], size: int) -> np.ndarray:
    """`(images, channels)`: the strongest response of each filter on each image."""
    found = []
    for record in track(records, f"responses at {size} px"):
        maps = convolve(network, read_listed(record), size)
        found.append(maps.amax(dim=(1, 2)).cpu().numpy())
    return np.stack(found)


def _response(network: Network, record: ImageRecord, size: int, channel: int) -> Response:
    image = read_listed(record)
    values = convolve(network, image, size)[channel].cpu().numpy()
    return Response(Path(record.image).name, resize_shorter_side(image, size), values)
