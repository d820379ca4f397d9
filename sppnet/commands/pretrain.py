"""Train a network to name the one object of an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from typer import Option

from sppnet.classify.top_k_error import top_error, view_scores
from sppnet.classify.training_crops import TrainingCrops
from sppnet.classify.training_set import Part, TrainingSet, hold_out, open_training_set
from sppnet.data.store import atomic_path, restart_directory, write_json
from sppnet.errors import SppnetError
from sppnet.models.network import (
    Architecture,
    Network,
    build_network,
    choose_device,
    numerics_key,
)
from sppnet.models.network import (
    freeze_backbone as without_gradients,
)
from sppnet.models.processes import joined_processes, process_count, process_number
from sppnet.models.training import History, Precision, Schedule, Validate, fit
from sppnet.models.weights import load_backbone, save_network


@joined_processes()
def run(
    backbone: Annotated[str, Option(help="Of Table 1, alex5, squeezenet or torchvision:NAME.")],
    width: Annotated[float, Option(help="Factor on the backbone's channels.")],
    levels: Annotated[list[int], Option(help="Bins per side of each pyramid level.")],
    fc: Annotated[int, Option(help="Units of fc6 and of fc7.")],
    mean: Annotated[list[float], Option(help="Subtracted from pixels, per channel.")],
    std: Annotated[float, Option(help="Divisor of pixels.")],
    channel_order: Annotated[Literal["RGB", "BGR"], Option(help="Order of a pixel's channels.")],
    initialisation: Annotated[Literal["gaussian", "he"], Option(help="Of the weights.")],
    resize: Annotated[int, Option(help="Shorter side before cropping, pixels.")],
    crop: Annotated[int, Option(help="Side of the crops, pixels.")],
    sizes: Annotated[list[int], Option(help="Sides that crops are resized to, pixels.")],
    size_choice: Annotated[
        Literal["alternate", "random"],
        Option(help="alternate: one size after the other; random: any between them."),
    ],
    epochs: Annotated[int, Option(help="Passes over the images.", min=1)],
    batch: Annotated[int, Option(help="Images per iteration.", min=1)],
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
    manifest: Annotated[Path | None, Option(help="Manifest of the images.")] = None,
    store: Annotated[Path | None, Option(help="Stored training images, for a manifest.")] = None,
    validation_store: Annotated[Path | None, Option(help="Stored validation images.")] = None,
    milestones: Annotated[list[int] | None, Option(help="Epochs before the rate drops.")] = None,
    plateau: Annotated[
        int | None, Option(help="Epochs without a lower held-out error before the rate drops.")
    ] = None,
    holdout: Annotated[
        float | None, Option(help="Share of the training images that --plateau watches instead.")
    ] = None,
    images_per_epoch: Annotated[int | None, Option(help="Images drawn per epoch.")] = None,
    map_std: Annotated[float, Option(help="Divisor of the backbone's feature maps.")] = 1.0,
    backbone_weights: Annotated[Path | None, Option(help="Backbone weights to start from.")] = None,
    freeze_backbone: Annotated[bool, Option(help="Train the fc layers only.")] = False,
    precision: Annotated[Precision, Option(help="mixed: bfloat16 on a GPU.")] = "full",
    device: Annotated[str, Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, Option(help="Processes that cut crops; 0 for none.", min=0)] = 0,
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Train a network to name the one object of an image."""
    settings = dict(locals())
    torch.set_num_threads(threads)
    steps = (learning_rate, tuple(milestones or ()), epochs, momentum, weight_decay, warmup)
    schedule = Schedule(*steps, plateau)
    settings["device"] = chosen_device = choose_device(device)
    _check_flags(settings, schedule, chosen_device)
    images = open_training_set(manifest, store, validation_store, resize)
    pixels = (_three(mean), std, channel_order, map_std)
    architecture = Architecture(backbone, width, tuple(levels), fc, images.classes, *pixels)
    network = _start(architecture, initialisation, seed, backbone_weights, freeze_backbone)
    _check_sizes(network, {"--crop": [crop], "--sizes": sizes})
    network.to(chosen_device)
    kept, watched, tested = _parts(images, holdout, crop)
    crops = TrainingCrops(
        kept.images,
        kept.labels,
        architecture,
        crop=crop,
        sizes=sizes,
        size_choice=size_choice,
        batch=batch,
        colour=colour,
        images_per_epoch=images_per_epoch,
        workers=workers,
        device=chosen_device,
    )
    rows = fit(
        network,
        crops,
        tested.validation(crops, watched),
        schedule=schedule,
        seed=seed,
        restart=_restart(work, settings, images.files),
        select=None,
        precision=precision,
    )
    if process_number() == 0:
        _write_history(history, rows)
        write_json(metrics, tested.ten_view_error(network))
        save_network(weights, network)


def _check_flags(settings: dict[str, Any], schedule: Schedule, device: torch.device) -> None:
    crop, resize, batch = settings["crop"], settings["resize"], settings["batch"]
    if crop > resize:
        raise SppnetError(f"--crop: {crop} pixels do not fit into {resize} (--resize); lower it")
    if schedule.plateau is not None and schedule.milestones:
        raise SppnetError("--plateau: takes the place of --milestones; give one of them")
    if (schedule.plateau is None) != (settings["holdout"] is None):
        raise SppnetError("--plateau: watches the images of --holdout; give both, or neither")
    if settings["precision"] == "mixed" and device.type != "cuda":
        raise SppnetError(f"--precision: mixed needs a GPU, not {device.type}; use full")
    if batch % process_count():
        raise SppnetError(
            f"--batch: {batch} images have no equal shares for {process_count()} processes"
        )


def _restart(work: Path, settings: dict[str, Any], inputs: Sequence[Path]) -> Path:
    # Files count by their contents; workers change nothing.
    imported = settings["backbone_weights"]
    files = {"manifest", "store", "validation_store", "backbone_weights", "weights", "metrics"}
    unnamed = files | {"history", "work", "workers", "device", "threads"}
    named = {name: value for name, value in settings.items() if name not in unnamed}
    named["processes"] = process_count()  # each draws a dropout of its own
    named |= numerics_key(settings["device"], settings["threads"])
    return restart_directory(work, named, [*inputs, *([imported] if imported else [])])


def _parts(
    images: TrainingSet, holdout: float | None, crop: int
) -> tuple["_Labelled", "_Labelled | None", "_Labelled"]:
    """Images to train on, those held out of them for a plateau to watch, and those to test on."""
    whole = _Labelled(images.training(), images.training_labels, crop)
    tested = _Labelled(images.validation(), images.validation_labels, crop)
    if holdout is None:
        return whole, None, tested
    parts = hold_out(len(whole.labels), holdout)
    kept, apart = (_Labelled(Part(whole.images, p), whole.labels[p], crop) for p in parts)
    return kept, apart, tested


def _three(mean: Sequence[float]) -> tuple[float, float, float]:
    if len(mean) != 3:
        raise SppnetError(f"--mean: needs three values, one per channel, got {list(mean)}")
    return (mean[0], mean[1], mean[2])


def _start(
    architecture: Architecture,
    initialisation: Literal["gaussian", "he"],
    seed: int,
    backbone_weights: Path | None,
    frozen: bool,
) -> Network:
    network = build_network(
        architecture,
        initialisation=initialisation,
        generator=torch.Generator().manual_seed(seed),
    )
    if backbone_weights is not None:
        load_backbone(network, backbone_weights)
    if frozen:
        without_gradients(network)
    return network


def _check_sizes(network: Network, sizes: Mapping[str, Sequence[int]]) -> None:
    """Refuse an input on which the backbone leaves no cell, before hours of work."""
    for flag, size in [(flag, size) for flag, each in sizes.items() for size in each]:
        try:
            with torch.inference_mode():
                network.eval()(torch.zeros(1, 3, size, size))
        except (RuntimeError, SppnetError) as error:
            reason = " ".join(str(error).split())
            raise SppnetError(
                f"{flag}: {size} pixels are too few for the backbone ({reason}); raise it"
            ) from None


@dataclass(frozen=True)
class _Labelled:
    """Images with their labels, and the side of the crops that a network sees of them."""

    images: Sequence[np.ndarray]
    labels: Tensor
    crop: int

    def validation(self, crops: TrainingCrops, watched: "_Labelled | None") -> Validate:
        """What each row of the history says besides the training itself."""

        def validate(module: nn.Module) -> dict[str, float]:
            network = cast(Network, module)
            measured = {"size": crops.size, "validation_error": self._error(network)}
            return measured | ({"held_out_error": watched._error(network)} if watched else {})

        return validate

    def _error(self, network: Network) -> float:
        scores = view_scores(network, self.images, crop=self.crop, views=1)
        return top_error(scores, self.labels, 1)["error"]

    def ten_view_error(self, network: Network) -> dict[str, Any]:
        """Top-1 and top-5 error."""
        scores = view_scores(network, self.images, crop=self.crop, views=10)
        errors = {f"top{top}": top_error(scores, self.labels, top) for top in (1, 5)}
        return {"views": 10, "images": len(self.images), **errors}


def _write_history(path: Path, rows: History) -> None:
    with atomic_path(path) as temporary:
        pd.DataFrame(rows).astype({"size": int}).to_csv(temporary, index=False)
