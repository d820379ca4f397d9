"""measure-training-speed: time per image of several training variants, in one process."""

from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from sppnet.classify.requests import TimedVariant, TimedVariants
from sppnet.classify.settings import TrainingImages, TrainingTiming
from sppnet.classify.training_crops import TrainingCrops
from sppnet.classify.training_set import Images, TrainingSet, open_training_set
from sppnet.classify.training_timing import TimedTraining, time_training
from sppnet.commands.options import CropWorkers, Written
from sppnet.config.requests import read_request
from sppnet.data.store import write_json
from sppnet.errors import SppnetError
from sppnet.models.clock import describe_machine, summary
from sppnet.models.compute import Compute
from sppnet.models.settings import Iteration, Seeded, Update
from sppnet.models.training import Schedule
from sppnet.models.weights import load_network

SCOPE = (
    "mean seconds per image of each block: cutting crops, forward and backward pass, update; "
    "without validation"
)


def run(
    *,
    images: TrainingImages = TrainingImages(),
    variants: Annotated[
        Path, Parameter(help="Training variants and the files of their networks (.json).")
    ],
    iteration: Iteration,
    timing: TrainingTiming,
    seeded: Seeded,
    output: Annotated[Written, Parameter(help="Times (.json).")],
    workers: CropWorkers = 0,
    compute: Compute = Compute(),
) -> None:
    """Measure the training time per image of several variants, on an otherwise idle machine."""
    device = compute.start()
    request = read_request(variants, TimedVariants)
    opened = open_training_set(images, iteration.resize)
    _check_length(opened, timing.batches, iteration.batch)
    pictures = opened.training()
    trainings = {
        variant.name: _training(variant, opened, pictures, iteration, timing, workers, device)
        for variant in request.variants
    }
    times = time_training(
        trainings,
        schedule=Schedule(
            **Update.of(iteration).model_dump(),
            optimiser=iteration.optimiser,
            epochs=1,
            warmup=0,
        ),
        seed=seeded.seed,
        precision=iteration.precision,
        turns=timing.turns,
        device=device,
    )
    columns = {
        variant.name: {"network": variant.weights.stem, "total": summary(times[variant.name])}
        for variant in request.variants
    }
    counts = {"batch": iteration.batch, "batches": timing.batches, "turns": timing.turns}
    report = describe_machine(device) | {"scope": SCOPE, **counts}
    write_json(output, report | {"columns": columns})


def _check_length(opened: TrainingSet, batches: int, batch: int) -> None:
    images = len(opened.training_labels)
    if batches * batch > images:
        raise SppnetError(
            f"--batches: {batches} batches of {batch} are more than the {images} images; lower it"
        )


def _training(
    variant: TimedVariant,
    opened: TrainingSet,
    pictures: Images,
    iteration: Iteration,
    timing: TrainingTiming,
    workers: int,
    device: torch.device,
) -> TimedTraining:
    network = load_network(variant.weights, device)
    if network.architecture.classes != opened.classes:
        raise SppnetError(f"{variant.weights}: other classes than the images; train it again")
    network.dropout = iteration.dropout
    crops = TrainingCrops(
        pictures,
        opened.training_labels,
        network.architecture,
        crops=iteration,
        sizes=variant,
        images_per_epoch=timing.batches * iteration.batch,
        workers=workers,
        device=device,
    )
    return TimedTraining(network, crops)
