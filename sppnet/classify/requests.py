"""What the plan asks of the commands that measure times."""

from pathlib import Path

from pydantic import Field

from sppnet.classify.settings import ViewSet
from sppnet.config.section import Section
from sppnet.models.settings import Sizes


class TimedViewSets(Section):
    """View sets that are timed in turn, by name."""

    view_sets: dict[str, ViewSet] = Field(min_length=1)


class TimedVariant(Sizes):
    """A training variant that is timed, with the pretrained network that it goes on from."""

    name: str
    weights: Path


class TimedVariants(Section):
    """Training variants that are timed in turn."""

    variants: tuple[TimedVariant, ...] = Field(min_length=1)
