"""pretrain: a network on image classification, its learning curves and its error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pandas as pd
import torch
from cyclopts import Parameter
from torch import Tensor, nn

from sppnet.classify.settings import TrainingImages
from sppnet.classify.top_k_error import centre_scores, top_error
from sppnet.classify.training_crops import TrainingCrops
from sppnet.classify.training_set import Part, TrainingSet, hold_out, open_training_set
from sppnet.commands.options import CropWorkers, Work, Written
from sppnet.data.store import atomic_path, restart_directory, write_json
from sppnet.errors import SppnetError
from sppnet.models import settings
from sppnet.models.compute import Compute
from sppnet.models.network import Architecture, Network, build_network, freeze_backbone
from sppnet.models.processes import joined_processes, process_count, process_number
from sppnet.models.settings import StartingBackbone, Training
from sppnet.models.training import History, Schedule, Validate, fit
from sppnet.models.weights import load_backbone, save_network


@joined_processes()
def run(
    *,
    images: TrainingImages = TrainingImages(),
    architecture: settings.Architecture,
    start: StartingBackbone = StartingBackbone(),
    training: Training,
    work: Work,
    weights: Annotated[Written, Parameter(help="Network (.safetensors).")],
    history: Annotated[Written, Parameter(help="Learning curves (.csv).")],
    metrics: Annotated[Written, Parameter(help="Errors of the centre crop (.json).")],
    workers: CropWorkers = 0,
    compute: Compute = Compute(),
) -> None:
    """Pretrain a network on image classification."""
    device = compute.start()
    _check_hardware(training, device)
    opened = open_training_set(images, training.resize)
    network = _start(
        Architecture(**architecture.model_dump(), classes=opened.classes), start, training
    )
    _check_sizes(network, {"--crop": [training.crop], "--sizes": training.sizes})
    network.to(device)
    trained, held_out, validated = _parts(opened, training.holdout, training.crop)
    crops = TrainingCrops(
        trained.images,
        trained.labels,
        network.architecture,
        crops=training,
        sizes=training,
        images_per_epoch=training.images_per_epoch,
        workers=workers,
        device=device,
    )
    # Files are identified by their contents; the number of workers changes no result.
    key = architecture.model_dump() | training.model_dump() | compute.numerics_key()
    key |= {"freeze_backbone": start.freeze_backbone}
    key |= {"processes": process_count()}  # each draws a dropout of its own
    imported = [start.backbone_weights] if start.backbone_weights else []
    rows = fit(
        network,
        crops,
        validated.validation(crops, held_out),
        schedule=Schedule.of(training),
        seed=training.seed,
        restart=restart_directory(work, key, [*opened.files, *imported]),
        select=None,
        precision=training.precision,
    )
    if process_number() == 0:
        _write_history(history, rows)
        write_json(metrics, validated.errors(network))
        save_network(weights, network)


def _check_hardware(training: Training, device: torch.device) -> None:
    if training.precision == "mixed" and device.type != "cuda":
        raise SppnetError(f"--precision: mixed needs a GPU, not {device.type}; use full")
    if training.batch % process_count():
        raise SppnetError(
            f"--batch: {training.batch} images have no equal shares for {process_count()} processes"
        )


def _parts(
    images: TrainingSet, holdout: float | None, crop: int
) -> tuple["_Labelled", "_Labelled | None", "_Labelled"]:
    """Images for training, images held out of them for the plateau, and images for validation."""
    whole = _Labelled(images.training(), images.training_labels, crop)
    validated = _Labelled(images.validation(), images.validation_labels, crop)
    if holdout is None:
        return whole, None, validated
    parts = hold_out(len(whole.labels), holdout)
    trained, held_out = (_Labelled(Part(whole.images, p), whole.labels[p], crop) for p in parts)
    return trained, held_out, validated


def _start(architecture: Architecture, start: StartingBackbone, training: Training) -> Network:
    network = build_network(
        architecture,
        initialisation=training.initialisation,
        generator=torch.Generator().manual_seed(training.seed),
    )
    network.dropout = training.dropout
    if start.backbone_weights is not None:
        load_backbone(network, start.backbone_weights)
    if start.freeze_backbone:
        freeze_backbone(network)
    return network


def _check_sizes(network: Network, sizes: Mapping[str, Sequence[int]]) -> None:
    """Refuse inputs that are too small for the backbone, before hours of work."""
    for flag, size in [(flag, size) for flag, flag_sizes in sizes.items() for size in flag_sizes]:
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
    """Images with their labels, and the side of their crops."""

    images: Sequence[np.ndarray]
    labels: Tensor
    crop: int

    def validation(self, crops: TrainingCrops, held_out: "_Labelled | None") -> Validate:
        """The validation that adds to each row of the history."""

        def validate(module: nn.Module) -> dict[str, float]:
            network = cast(Network, module)
            measured = {"size": crops.size, "validation_error": self._error(network)}
            return measured | ({"held_out_error": held_out._error(network)} if held_out else {})

        return validate

    def _error(self, network: Network) -> float:
        return top_error(self._scores(network), self.labels, 1)["error"]

    def errors(self, network: Network) -> dict[str, Any]:
        """Top-1 and top-5 error of the centre crop; `classify` tests on more views."""
        scores = self._scores(network)
        errors = {f"top{top}": top_error(scores, self.labels, top) for top in (1, 5)}
        return {"views": 1, "images": len(self.images), **errors}

    def _scores(self, network: Network) -> Tensor:
        return centre_scores(network, self.images, crop=self.crop)


def _write_history(path: Path, rows: History) -> None:
    with atomic_path(path) as temporary:
        pd.DataFrame(rows).astype({"size": int}).to_csv(temporary, index=False)
