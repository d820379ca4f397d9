"""Settings of intervals."""

from pydantic import Field

from sppnet.config.section import SEED, Count, Section, Seed


class Bootstrap(Section):
    """Bootstrap samples behind an interval."""

    bootstrap: Count = Field(description="Number of bootstrap samples of the test images.")
    seed: Seed = Field(description=SEED)
