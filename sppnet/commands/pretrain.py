"""Train a network to name the one object of an image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from typer import Option

from sppnet.classify.evaluate import top_error, view_scores
from sppnet.classify.pretrain import TrainingCrops, label_indices, load_images
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import atomic_path, restart_directory, write_json
from sppnet.errors import SppnetError
from sppnet.models.network import (
    Architecture,
    Network,
    build_network,
    choose_device,
)
from sppnet.models.network import (
    freeze_trunk as without_gradients,
)
from sppnet.models.training import Schedule, fit
from sppnet.models.weights import load_trunk, save_network


def run(
    manifest: Annotated[Path, Option(help="Manifest of the images.")],
    backbone: Annotated[str, Option(help="zf5, alex5, squeezenet or torchvision:NAME.")],
    width: Annotated[float, Option(help="Factor on the trunk's channels.")],
    levels: Annotated[list[int], Option(help="Bins per side of each pyramid level.")],
    fc: Annotated[int, Option(help="Units of fc6 and of fc7.")],
    mean: Annotated[list[float], Option(help="Subtracted from pixels, per channel.")],
    std: Annotated[float, Option(help="Divisor of pixels.")],
    channel_order: Annotated[str, Option(help="RGB or BGR.")],
    initialisation: Annotated[str, Option(help="gaussian or he.")],
    resize: Annotated[int, Option(help="Shorter side before cropping, pixels.")],
    crop: Annotated[int, Option(help="Side of the crops, pixels.")],
    epochs: Annotated[int, Option(help="Passes over the images of an epoch.")],
    batch: Annotated[int, Option(help="Images per iteration.")],
    learning_rate: Annotated[float, Option(help="Of SGD.")],
    momentum: Annotated[float, Option(help="Of SGD.")],
    weight_decay: Annotated[float, Option(help="L2 penalty on weights.")],
    warmup: Annotated[int, Option(help="Iterations of rising rate.")],
    colour: Annotated[float, Option(help="Strength of colour alteration; 0 is none.")],
    seed: Annotated[int, Option(help="Of weights, order, crops and dropout.")],
    work: Annotated[Path, Option(help="Folder for checkpoints.")],
    weights: Annotated[Path, Option(help="Network to write.")],
    history: Annotated[Path, Option(help="CSV of the learning curves to write.")],
    metrics: Annotated[Path, Option(help="JSON of the 10-view error to write.")],
    drops: Annotated[list[int] | None, Option(help="Epochs before the rate drops.")] = None,
    images_per_epoch: Annotated[int | None, Option(help="Images drawn per epoch.")] = None,
    trunk: Annotated[Path | None, Option(help="Trunk weights to start from.")] = None,
    freeze_trunk: Annotated[bool, Option(help="Train the fc layers only.")] = False,
    device: Annotated[str, Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.")] = 1,
) -> None:
    """Train a network to name the one object of an image."""
    settings = dict(locals())
    drop_epochs = tuple(drops or ())
    schedule = Schedule(learning_rate, drop_epochs, epochs, momentum, weight_decay, warmup)
    torch.set_num_threads(threads)
    training = read_manifest(manifest, "classification", "train")
    validation = read_manifest(manifest, "classification", "val")
    order = cast(Literal["RGB", "BGR"], channel_order)
    classes = class_list(training)
    architecture = Architecture(
        backbone, width, tuple(levels), fc, classes, _three(mean), std, order
    )
    if crop > resize:
        raise SppnetError(f"--crop: {crop} pixels do not fit into {resize} (--resize); lower it")
    network = _start(architecture, initialisation, seed, crop, trunk)
    if freeze_trunk:
        without_gradients(network)
    network.to(choose_device(device))
    held_out = load_images(validation, resize)
    labels = label_indices(validation, architecture.classes)
    crops = TrainingCrops(
        load_images(training, resize),
        label_indices(training, architecture.classes),
        architecture,
        crop=crop,
        batch=batch,
        colour=colour,
        images_per_epoch=images_per_epoch,
    )
    rows = fit(
        network,
        crops,
        _centre_error(held_out, labels, crop),
        schedule=schedule,
        seed=seed,
        restart=_restart(work, settings, [manifest, *([trunk] if trunk else [])]),
        select=None,
    )
    with atomic_path(history) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    write_json(metrics, _ten_view_error(network, held_out, labels, crop))
    save_network(weights, network)


def _restart(work: Path, settings: dict[str, Any], inputs: Sequence[Path]) -> Path:
    files = {"manifest", "trunk", "work", "weights", "history", "metrics", "threads"}
    named = {name: value for name, value in settings.items() if name not in files}
    return restart_directory(work, named, inputs)


def _three(mean: Sequence[float]) -> tuple[float, float, float]:
    if len(mean) != 3:
        raise SppnetError(f"--mean: needs three values, one per channel, got {list(mean)}")
    return (mean[0], mean[1], mean[2])


def _start(
    architecture: Architecture, initialisation: str, seed: int, crop: int, trunk: Path | None
) -> Network:
    network = build_network(
        architecture,
        initialisation=cast(Literal["gaussian", "he"], initialisation),
        generator=torch.Generator().manual_seed(seed),
    )
    if trunk is not None:
        load_trunk(network, trunk)
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, 3, crop, crop))
    except RuntimeError as error:
        raise SppnetError(f"--crop: {crop} pixels are too few for the trunk ({error})") from None
    return network


def _centre_error(images: list[np.ndarray], labels: Tensor, crop: int) -> Any:
    def validate(module: nn.Module) -> dict[str, float]:
        scores = view_scores(cast(Network, module), images, crop=crop, views=1)
        return {"validation_error": top_error(scores, labels, 1)["error"]}

    return validate


def _ten_view_error(
    network: Network, images: list[np.ndarray], labels: Tensor, crop: int
) -> dict[str, Any]:
    scores = view_scores(network, images, crop=crop, views=10)
    errors = {f"top{top}": top_error(scores, labels, top) for top in (1, 5)}
    return {"views": 10, "images": len(images), **errors}
