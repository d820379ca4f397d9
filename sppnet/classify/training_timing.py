"""Training time per image of several training variants, in alternating blocks of epochs."""

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
    """A training variant to time.

    Attributes:
        network: trained in place.
        crops: training batches, in short epochs of full batches.
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
    """Seconds per image of every training variant; variants take turns, block by block.

    A block has the same number of epochs for all variants and uses every size of a variant equally
    often. The first block of each variant is a warm-up and is not timed.

    Args:
        trainings: variants by name, with equal numbers of images per epoch.
        schedule: learning rate, as for `fit`.
        seed: seed of crops and dropout, as for `fit`.
        precision: as for `fit`.
        turns: number of timed blocks per variant.
        device: device of the networks.

    Returns:
        By name, float64 (turns,), mean seconds per image of each block: cropping, normalisation,
        forward and backward pass, and update.

    Raises:
        SppnetError: the loss is not finite, or an epoch has no batch.

    Source: paper §2.3 (two sizes converge as fast as one).
    """
    epochs = math.lcm(*(len(training.crops.sizes) for training in trainings.values()))

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
