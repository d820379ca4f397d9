"""finetune-rcnn: all layers on warped boxes (R-CNN)."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from typer import Option

from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import atomic_path, restart_directory
from sppnet.detect.finetune import finetune_crops
from sppnet.detect.rcnn import Warp
from sppnet.detect.regions import load_regions
from sppnet.detect.sampling import Sampling
from sppnet.models.network import choose_device, numerics_key, with_background
from sppnet.models.weights import load_network, save_network


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    proposals: Annotated[Path, Option(help="Proposals of trainval.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    crop: Annotated[int, Option(help="Side of the warped boxes in pixels.")],
    context: Annotated[int, Option(help="Pixels of surroundings on each side of them.")],
    iterations: Annotated[int, Option(help="Batches, rounded up to whole chunks.")],
    learning_rate: Annotated[float, Option(help="Learning rate at the start.")],
    momentum: Annotated[float, Option(help="Momentum.")],
    weight_decay: Annotated[float, Option(help="Weight decay.")],
    warmup: Annotated[int, Option(help="Iterations over which the rate rises from zero.")],
    classifier_std: Annotated[float, Option(help="Standard deviation of the new fc8.")],
    batch: Annotated[int, Option(help="Boxes per iteration.")],
    positive_fraction: Annotated[float, Option(help="Share of foreground in a batch.")],
    positive_iou: Annotated[float, Option(help="Smallest overlap of foreground.")],
    images_per_chunk: Annotated[int, Option(help="Images whose boxes are mixed.")],
    windows_per_image: Annotated[int, Option(help="Boxes drawn from each of them.")],
    holdout: Annotated[float, Option(help="Share of images that choose the snapshot; 0: last.")],
    holdout_windows: Annotated[int, Option(help="Most boxes that the held-out loss is taken on.")],
    mirror: Annotated[bool, Option(help="Mirror each crop with probability 1/2.")],
    seed: Annotated[int, Option(help="Seed of everything random.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="Fine-tuned network.")],
    history: Annotated[Path, Option(help="Loss and error by chunk (.csv).")],
    milestones: Annotated[
        list[int] | None, Option(help="Iterations until the rate falls tenfold, in whole chunks.")
    ] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Fine-tune the whole network with a new classifier over background and the classes."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    sampling = Sampling(
        batch=batch,
        positive_fraction=positive_fraction,
        positive_iou=positive_iou,
        negative_iou=(0.0, positive_iou),
        images_per_chunk=images_per_chunk,
        windows_per_image=windows_per_image,
        holdout=holdout,
        holdout_windows=holdout_windows,
        scale_choice="best",
        seed=seed,
    )
    schedule = sampling.schedule(
        learning_rate, milestones or (), iterations, momentum, weight_decay, warmup
    )
    settings = {
        "sampling": asdict(sampling),
        "schedule": asdict(schedule),
        "crops": [crop, context, mirror],
        "classifier_std": classifier_std,
        **numerics_key(chosen_device, threads),
    }
    restart = restart_directory(work, settings, [manifest, proposals, weights])
    records = read_manifest(manifest, dataset="detection", split="trainval")
    classes = class_list(records)
    network = with_background(load_network(weights, chosen_device), classes, seed, classifier_std)
    rows = finetune_crops(
        network,
        load_regions(records, proposals, classes),
        warp=Warp(size=crop, context=context),
        mirror=mirror,
        sampling=sampling,
        schedule=schedule,
        restart=restart,
    )
    with atomic_path(history) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    save_network(output, network)
