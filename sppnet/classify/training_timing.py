"""Time per image of training variants side by side, one block of epochs after the other."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from sppnet.classify.training_crops import TrainingCrops
from sppnet.models.clock import take_turns
from sppnet.models.network import Network
from sppnet.models.training import Precision, Schedule, train_epochs


@dataclass(frozen=True)
class TimedTraining:
    """A training variant.

    Attributes:
        network: trained on in place.
        crops: its batches; its epochs are short ones, of whole batches.
    """

    network: Network
    crops: TrainingCrops


def time_training(
    trainings: Mapping[str, TimedTraining],
    *,
    schedule: Schedule,
    seed: int,
    precision: Precision,
    turns: int,
    device: torch.device,
) -> dict[str, np.ndarray]:
    """Seconds per image of every training variant, a block of each in turn.

    A block has as many epochs for all of them, and every size of each equally often. Of each, one
    block goes by untimed.

    Args:
        trainings: by name, with as many images in an epoch.
        schedule: learning rate, as for `fit`.
        seed: of crops and dropout, as for `fit`.
        precision: as for `fit`.
        turns: timed blocks of each.
        device: that the networks are on.

    Returns:
        By name, float64 (turns,), the mean seconds per image of each block: cutting and
        normalising crops, forward and backward pass, update.

    Raises:
        SppnetError: the loss is no longer a number, or an epoch has no batch.

    Source: paper §2.3 (two sizes learn as fast as one).
    """
    epochs = math.lcm(*(len(each.crops.sizes) for each in trainings.values()))

    def block(training: TimedTraining) -> Callable[[int], None]:
        rows = train_epochs(
            training.network, training.crops, schedule=schedule, seed=seed, precision=precision
        )

        def train(_: int) -> None:
            for _ in range(epochs):
                next(rows)

        return train

    calls = {name: block(training) for name, training in trainings.items()}
    take_turns(calls, range(1), device=device, description="warm-up")
    seconds = take_turns(calls, range(turns), device=device, description="turns")
    return {
        name: seconds[name] / (epochs * training.crops.count)
        for name, training in trainings.items()
    }
