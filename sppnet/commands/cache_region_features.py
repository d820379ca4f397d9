"""cache-region-features: pooled conv5 features of every warped box, for R-CNN."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Features, Manifest, Proposals, Split, Work
from sppnet.config.section import Count
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import restart_directory
from sppnet.data.subset import subset
from sppnet.detect.rcnn import cache_region_features
from sppnet.detect.regions import load_regions
from sppnet.detect.settings import Subset, Warp
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network

# measured: SqueezeNet on one CPU thread takes 33 ms a box at 1 to 4, 44 at 8 to 32
BATCH = {"cpu": 4, "cuda": 256}


def run(
    *,
    manifest: Manifest,
    split: Split,
    proposals: Proposals,
    weights: Annotated[Path, Parameter(help="Network from pretrain or finetune-rcnn.")],
    warp: Warp,
    part: Subset = Subset(),
    batch: Annotated[
        Count | None,
        Parameter(help="Number of boxes per network pass; chosen by device if not given."),
    ] = None,
    work: Work,
    output: Features,
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Compute and store the features of every warped box of a split, for R-CNN."""
    device = compute.start()
    batch = batch or BATCH.get(device.type, BATCH["cpu"])
    everything = read_manifest(manifest, dataset="detection", split=split)
    records = subset(everything, part.images)
    regions = load_regions(records, proposals, class_list(everything))
    settings = {"split": split, "batch": batch, **warp.model_dump(), **part.model_dump()}
    settings |= inference.model_dump()
    inputs = [manifest, proposals, weights]
    restart = restart_directory(work, settings | compute.numerics_key(), inputs)
    cache_region_features(
        regions,
        load_network(weights, device, inference),
        warp=warp,
        batch=batch,
        weights=weights,
        path=output,
        restart=restart,
    )
