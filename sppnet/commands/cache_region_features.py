"""cache-region-features: pooled conv5 features of every warped box, for R-CNN."""

from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import restart_directory
from sppnet.data.subset import subset
from sppnet.detect.rcnn import Warp, cache_region_features
from sppnet.detect.regions import load_regions
from sppnet.models.compute import choose_device, numerics_key
from sppnet.models.weights import load_network

# measured: SqueezeNet on one CPU thread takes 33 ms a box at 1 to 4, 44 at 8 to 32
BATCH = {"cpu": 4, "cuda": 256}


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    split: Annotated[str, Option(help="Detection split: trainval or test.")],
    proposals: Annotated[Path, Option(help="Proposals of that split.")],
    weights: Annotated[Path, Option(help="Network of pretrain or finetune-rcnn.")],
    crop: Annotated[int, Option(help="Side of the warped boxes in pixels.")],
    context: Annotated[int, Option(help="Pixels of surroundings on each side of them.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="Features (.npy); the index goes beside them (.parquet).")],
    images: Annotated[
        int | None, Option(help="Use so many images, of all classes in turn.")
    ] = None,
    batch: Annotated[
        int | None, Option(help="Boxes at a time; the fastest when not given.")
    ] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Cut out, warp and convolve every box of a split by itself."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    batch = batch or BATCH.get(chosen_device.type, BATCH["cpu"])
    everything = read_manifest(manifest, dataset="detection", split=split)
    records = subset(everything, images)
    regions = load_regions(records, proposals, class_list(everything))
    settings = {
        "split": split,
        "crop": crop,
        "context": context,
        "images": images,
        "batch": batch,
        **numerics_key(chosen_device, threads),
    }
    restart = restart_directory(work, settings, [manifest, proposals, weights])
    cache_region_features(
        regions,
        load_network(weights, chosen_device),
        warp=Warp(size=crop, context=context),
        batch=batch,
        weights=weights,
        path=output,
        restart=restart,
    )
