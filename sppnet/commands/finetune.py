"""finetune: the fully-connected layers on boxes pooled from cached conv5 maps (SPP-net)."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Finetuned, History, Manifest, Proposals, Weights, Work
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import array_files, restart_directory
from sppnet.data.subset import subset
from sppnet.detect.features import open_maps
from sppnet.detect.finetune import finetune_maps, write_history
from sppnet.detect.regions import load_regions
from sppnet.detect.settings import MapPooling, SppFineTuning, Subset
from sppnet.models.compute import Compute
from sppnet.models.network import with_background
from sppnet.models.weights import load_network, save_network


def run(
    *,
    manifest: Manifest,
    proposals: Proposals,
    weights: Weights,
    features: Annotated[
        tuple[Path, ...], Parameter(help="Maps from cache-maps, one file per scale.")
    ],
    pooling: MapPooling,
    part: Subset = Subset(),
    finetuning: SppFineTuning,
    work: Work,
    output: Finetuned,
    history: History,
    compute: Compute = Compute(),
) -> None:
    """Fine-tune the fully-connected layers with a new classifier, for SPP-net."""
    device = compute.start()
    settings = pooling.model_dump() | part.model_dump() | finetuning.model_dump()
    inputs = [manifest, proposals, weights, *array_files(features)]
    restart = restart_directory(work, settings | compute.numerics_key(), inputs)
    records = read_manifest(manifest, dataset="detection", split="trainval")
    classes = class_list(records)
    pretrained = load_network(weights, device)
    network = with_background(pretrained, classes, finetuning.seed, finetuning.classifier_std)
    rows = finetune_maps(
        network,
        load_regions(subset(records, part.images), proposals, classes),
        open_maps(features, pooling, network),
        finetuning=finetuning,
        restart=restart,
    )
    write_history(history, rows)
    save_network(output, network)
