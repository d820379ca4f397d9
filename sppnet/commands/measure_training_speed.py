"""measure-training-speed: time per image of several training variants, in one process."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
from typer import Option

from sppnet.classify.training_crops import TrainingCrops
from sppnet.classify.training_set import open_training_set
from sppnet.classify.training_timing import TimedTraining, time_training
from sppnet.data.store import write_json
from sppnet.errors import SppnetError
from sppnet.models.clock import describe_machine, summary
from sppnet.models.compute import choose_device
from sppnet.models.training import Precision, Schedule
from sppnet.models.weights import load_network

SCOPE = (
    "mean seconds per image of each block: cutting crops, forward and backward pass, update; "
    "without validation"
)


def run(
    variant: Annotated[
        list[str],
        Option(
            help="A training variant as JSON: name, weights (a network of pretrain to go on "
            "from), sizes, size_choice. Once per way."
        ),
    ],
    resize: Annotated[int, Option(help="Shorter side before cropping, pixels.")],
    crop: Annotated[int, Option(help="Side of the crops, pixels.")],
    batch: Annotated[int, Option(help="Images per iteration.", min=1)],
    batches: Annotated[int, Option(help="Iterations at each size in a block.", min=1)],
    turns: Annotated[int, Option(help="Timed blocks of each way.", min=1)],
    learning_rate: Annotated[float, Option(help="Of SGD.")],
    momentum: Annotated[float, Option(help="Of SGD.")],
    weight_decay: Annotated[float, Option(help="L2 penalty on weights.")],
    colour: Annotated[float, Option(help="Strength of colour alteration; 0 is none.")],
    seed: Annotated[int, Option(help="Of order, crops and dropout.")],
    output: Annotated[Path, Option(help="Times (.json).")],
    manifest: Annotated[Path | None, Option(help="Manifest of the images.")] = None,
    store: Annotated[Path | None, Option(help="Stored training images, for a manifest.")] = None,
    validation_store: Annotated[Path | None, Option(help="Stored validation images.")] = None,
    precision: Annotated[Precision, Option(help="mixed: bfloat16 on a GPU.")] = "full",
    device: Annotated[str, Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, Option(help="Processes that cut crops; 0 for none.", min=0)] = 0,
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Time training variants in turn; other work on the machine spoils the numbers."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    images = open_training_set(manifest, store, validation_store, resize)
    if batches * batch > len(images.training_labels):
        raise SppnetError(
            f"--batches: {batches} batches of {batch} are more than the "
            f"{len(images.training_labels)} images; lower it"
        )
    pictures, trainings, networks = images.training(), {}, {}
    for each in map(read_variant, variant):
        network = load_network(Path(each["weights"]), chosen_device)
        if network.architecture.classes != images.classes:
            raise SppnetError(f"{each['weights']}: other classes than the images; train it anew")
        crops = TrainingCrops(
            pictures,
            images.training_labels,
            network.architecture,
            crop=crop,
            sizes=each["sizes"],
            size_choice=each["size_choice"],
            batch=batch,
            colour=colour,
            images_per_epoch=batches * batch,
            workers=workers,
            device=chosen_device,
        )
        trainings[each["name"]] = TimedTraining(network, crops)
        networks[each["name"]] = {"network": Path(each["weights"]).stem}
    schedule = Schedule(learning_rate, (), 1, momentum, weight_decay, warmup=0)
    times = time_training(
        trainings,
        schedule=schedule,
        seed=seed,
        precision=precision,
        turns=turns,
        device=chosen_device,
    )
    report = {"scope": SCOPE, "batch": batch, "batches": batches, "turns": turns}
    columns = {name: networks[name] | {"total": summary(times[name])} for name in times}
    write_json(output, describe_machine(chosen_device) | report | {"columns": columns})


def read_variant(text: str) -> dict[str, Any]:
    """Fields of a training variant from JSON.

    Raises:
        SppnetError: not JSON, or a missing field.
    """
    try:
        values = json.loads(text)
        return {name: values[name] for name in ("name", "weights", "sizes", "size_choice")}
    except (ValueError, KeyError, TypeError) as error:
        raise SppnetError(
            f"--variant: {text!r} is not the JSON of a training variant ({error!r}); "
            "give name, weights, sizes, size_choice"
        ) from None
