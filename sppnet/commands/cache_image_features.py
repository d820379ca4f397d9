"""cache-image-features: whole images at every layer of a network."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.classify.image_features import cache_image_features
from sppnet.classify.settings import ImageView
from sppnet.commands.options import Manifest, Split, Weights, Work, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network


def run(
    *,
    manifest: Manifest,
    dataset: Annotated[str, Parameter(help="Data set in the manifest: detection or caltech101.")],
    split: Split,
    weights: Weights,
    view: ImageView,
    work: Work,
    output: Annotated[
        Written,
        Parameter(
            help="Features (.npy), with an index (.parquet) and a description (.json) beside them."
        ),
    ],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Compute and store the features of every image of a split at every layer."""
    device = compute.start()
    records = read_manifest(manifest, dataset=dataset, split=split)
    settings = view.model_dump() | {"data": [dataset, split]} | inference.model_dump()
    restart = restart_directory(work, settings | compute.numerics_key(), [manifest, weights])
    network = load_network(weights, device, inference)
    cache_image_features(records, network, view, weights=weights, path=output, restart=restart)
