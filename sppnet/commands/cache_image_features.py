"""cache-image-features: whole images at every layer of a network."""

from pathlib import Path
from typing import Annotated, Literal

import torch
from typer import Option

from sppnet.classify.image_features import ImageView, cache_image_features
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory
from sppnet.models.compute import choose_device, numerics_key
from sppnet.models.weights import load_network


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc or prepare-caltech101.")],
    dataset: Annotated[str, Option(help="Data set of the manifest: detection or caltech101.")],
    split: Annotated[str, Option(help="Its split: trainval, test or all.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    size: Annotated[int, Option(help="Shorter side of the resized image in pixels.", min=1)],
    view: Annotated[
        Literal["crop", "full", "warp"],
        Option("--input", help="Centre crop, full image, or the image warped to a square."),
    ],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[
        Path, Option(help="Features (.npy); index (.parquet) and description (.json) go beside.")
    ],
    crop: Annotated[int | None, Option(help="Side of the centre crop in pixels.")] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Compute the features of every image of a split at every layer, once."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    shown = ImageView(view, size, crop)
    records = read_manifest(manifest, dataset=dataset, split=split)
    settings = {"dataset": dataset, "split": split, "view": str(shown)}
    restart = restart_directory(
        work, settings | numerics_key(chosen_device, threads), [manifest, weights]
    )
    network = load_network(weights, chosen_device)
    cache_image_features(records, network, shown, weights=weights, path=output, restart=restart)
