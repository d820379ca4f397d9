"""How fast a network learns, and when it slows down."""

import math
from collections.abc import Iterable, Sequence

from pydantic import Field

from sppnet.config.section import Count
from sppnet.models.settings import Annealing, Optimiser, Sgd

PLATEAU_REDUCTIONS = 2  # paper §3.1: the rate is divided by 10 twice


class Schedule(Sgd, Optimiser, Annealing):
    """How long and how fast to learn; milestones and plateaus count in epochs.

    Source: paper §3.1 (0.01, divided by 10 twice when the error stops falling).
    """

    epochs: Count = Field(description="In all.")
    plateau: Count | None = Field(
        default=None,
        description="Instead of milestones: epochs in a row without a new lowest validation error "
        "after which the rate is divided by 10, twice at most.",
    )

    def rate(self, epoch: int, step: int, errors: Sequence[float] = ()) -> float:
        """Learning rate in 0-based epoch `epoch` at 0-based iteration `step` of the whole run.

        Args:
            epoch: finished epochs.
            step: finished iterations.
            errors: validation error after each finished epoch; for `plateau` only.
        """
        warmup = min(1.0, (step + 1) / (self.warmup + 1))
        if self.annealing == "cosine":
            return self.learning_rate * warmup * (1 + math.cos(math.pi * epoch / self.epochs)) / 2
        reductions = sum(epoch >= milestone for milestone in self.milestones)
        if self.plateau is not None:
            reductions = plateau_reductions(errors, self.plateau)
        return self.learning_rate * warmup * 0.1**reductions


def plateau_reductions(errors: Iterable[float], patience: int) -> int:
    """How often the rate has been divided by the end of a curve of errors.

    Args:
        errors: validation error after each finished epoch.
        patience: epochs in a row without a new lowest error after which the rate is divided;
            counted anew after each division.

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
