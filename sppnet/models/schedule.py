"""How fast a network learns, and when it slows down."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PLATEAU_REDUCTIONS = 2  # paper §3.1: the rate is divided by 10 twice


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        learning_rate: of weights; biases learn twice as fast and do not decay, as in Caffe.
        milestones: numbers of finished epochs after which the rate is divided by 10, once for each.
        epochs: in all.
        momentum: of SGD.
        weight_decay: L2 penalty on weights.
        warmup: iterations over which the rate rises linearly from near 0.
        plateau: instead of `milestones`, epochs in a row without a new lowest validation error
            after which the rate is divided by 10, twice at most; None for fixed milestones.

    Source: paper §3.1 (0.01, divided by 10 twice when the error stops falling).
    """

    learning_rate: float
    milestones: tuple[int, ...]
    epochs: int
    momentum: float
    weight_decay: float
    warmup: int
    plateau: int | None = None

    def rate(self, epoch: int, step: int, errors: Sequence[float] = ()) -> float:
        """Learning rate in 0-based epoch `epoch` at 0-based iteration `step` of the whole run.

        Args:
            epoch: finished epochs.
            step: finished iterations.
            errors: validation error after each finished epoch; only `plateau` looks at them.
        """
        reductions = sum(epoch >= milestone for milestone in self.milestones)
        if self.plateau is not None:
            reductions = plateau_reductions(errors, self.plateau)
        return self.learning_rate * 0.1**reductions * min(1.0, (step + 1) / (self.warmup + 1))


def plateau_reductions(errors: Iterable[float], patience: int) -> int:
    """How often the rate has dropped by the end of a curve of errors.

    Args:
        errors: validation error after each finished epoch.
        patience: epochs in a row without a new lowest error that bring a drop; counted anew after
            each drop.

    Returns:
        0 to 2.

    Source: paper §3.1.
    """
    lowest, waited, reductions = math.inf, 0, 0
    for error in errors:
        waited = 0 if error < lowest else waited + 1
        lowest = min(lowest, error)
        if waited == patience:
            waited, reductions = 0, reductions + 1
    return min(reductions, PLATEAU_REDUCTIONS)
