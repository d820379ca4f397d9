"""cache-maps: conv5 maps of whole images at one scale."""

from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory
from sppnet.detect.features import cache_maps
from sppnet.models.compute import choose_device, numerics_key
from sppnet.models.weights import load_network


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    split: Annotated[str, Option(help="Detection split: trainval or test.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    size: Annotated[int, Option(help="Shorter side of the resized image in pixels.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="Maps (.npy); the index goes beside them (.parquet).")],
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Compute the conv5 map of every image of a split, once, at one scale."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    records = read_manifest(manifest, dataset="detection", split=split)
    settings = {"split": split, "size": size, **numerics_key(chosen_device, threads)}
    restart = restart_directory(work, settings, [manifest, weights])
    network = load_network(weights, chosen_device)
    cache_maps(records, network, size=size, weights=weights, path=output, restart=restart)
