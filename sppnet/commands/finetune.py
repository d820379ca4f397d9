"""finetune: the fc layers on boxes pooled from cached conv5 maps (SPP)."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import torch
from typer import Option

from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import array_files, atomic_path, restart_directory
from sppnet.detect.features import open_maps
from sppnet.detect.finetune import finetune_maps
from sppnet.detect.regions import load_regions
from sppnet.detect.sampling import Sampling
from sppnet.geometry.receptive_field import map_geometry
from sppnet.models.network import choose_device, numerics_key, with_background
from sppnet.models.weights import load_network, save_network


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    proposals: Annotated[Path, Option(help="Proposals of trainval.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    features: Annotated[list[Path], Option(help="Maps of cache-maps; once per size.")],
    sizes: Annotated[list[int], Option(help="Shorter sides in pixels, in the same order.")],
    target: Annotated[float, Option(help="Side in pixels that a box should have on its scale.")],
    shrink: Annotated[float, Option(help="Pixels by which a box is shrunk on the map.")],
    iterations: Annotated[int, Option(help="Batches, rounded up to whole chunks.")],
    learning_rate: Annotated[float, Option(help="Learning rate at the start.")],
    momentum: Annotated[float, Option(help="Momentum.")],
    weight_decay: Annotated[float, Option(help="Weight decay.")],
    warmup: Annotated[int, Option(help="Iterations over which the rate rises from zero.")],
    classifier_std: Annotated[float, Option(help="Standard deviation of the new fc8.")],
    batch: Annotated[int, Option(help="Boxes per iteration.")],
    positive_fraction: Annotated[float, Option(help="Share of foreground in a batch.")],
    positive_iou: Annotated[float, Option(help="Smallest overlap of foreground.")],
    negative_low: Annotated[float, Option(help="Smallest overlap of background.")],
    negative_high: Annotated[float, Option(help="Overlap that background stays below.")],
    images_per_chunk: Annotated[int, Option(help="Images whose boxes are mixed.")],
    windows_per_image: Annotated[int, Option(help="Boxes drawn from each of them.")],
    holdout: Annotated[float, Option(help="Share of images that choose the snapshot; 0: last.")],
    holdout_windows: Annotated[int, Option(help="Most boxes that the held-out loss is taken on.")],
    scale_choice: Annotated[Literal["best", "random"], Option(help="Scale of a box in training.")],
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
    """Fine-tune fc6, fc7 and a new classifier over background and the classes."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    sampling = Sampling(
        batch=batch,
        positive_fraction=positive_fraction,
        positive_iou=positive_iou,
        negative_iou=(negative_low, negative_high),
        images_per_chunk=images_per_chunk,
        windows_per_image=windows_per_image,
        holdout=holdout,
        holdout_windows=holdout_windows,
        scale_choice=scale_choice,
        seed=seed,
    )
    schedule = sampling.schedule(
        learning_rate, milestones or (), iterations, momentum, weight_decay, warmup
    )
    settings = {
        "sampling": asdict(sampling),
        "schedule": asdict(schedule),
        "pooling": [sizes, target, shrink],
        "classifier_std": classifier_std,
    }
    inputs = [manifest, proposals, weights, *array_files(features)]
    restart = restart_directory(work, settings | numerics_key(chosen_device, threads), inputs)
    records = read_manifest(manifest, dataset="detection", split="trainval")
    classes = class_list(records)
    network = with_background(load_network(weights, chosen_device), classes, seed, classifier_std)
    geometry = map_geometry(network.backbone, shrink=shrink)
    rows = finetune_maps(
        network,
        load_regions(records, proposals, classes),
        open_maps(features, sizes, network, geometry, target=target),
        sampling=sampling,
        schedule=schedule,
        restart=restart,
    )
    with atomic_path(history) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    save_network(output, network)
