"""cache-maps: conv5 maps of whole images at one scale."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Features, Manifest, Split, Weights, Work
from sppnet.config.section import Pixels
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory
from sppnet.detect.features import cache_maps
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network


def run(
    *,
    manifest: Manifest,
    split: Split,
    weights: Weights,
    size: Annotated[Pixels, Parameter(help="Shorter side of the resized image in pixels.")],
    work: Work,
    output: Features,
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Compute and store the conv5 map of every image of a split at one scale."""
    device = compute.start()
    records = read_manifest(manifest, dataset="detection", split=split)
    settings = {"split": split, "size": size} | inference.model_dump()
    restart = restart_directory(work, settings | compute.numerics_key(), [manifest, weights])
    network = load_network(weights, device, inference)
    cache_maps(records, network, size=size, weights=weights, path=output, restart=restart)
