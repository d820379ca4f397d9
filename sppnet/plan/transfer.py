"""Tables 6 to 8: which networks and views each cell is made of."""

from dataclasses import dataclass

from sppnet.config.settings import Settings
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan


@dataclass(frozen=True)
class TransferPlan:
    """Tables 6 to 8 of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan
