"""Tables 1 to 5: which networks and views each cell is made of."""

from dataclasses import dataclass

from sppnet.config.settings import Settings
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan
from sppnet.plan.networks import NetworkPlan


@dataclass(frozen=True)
class ClassificationPlan:
    """Tables 1 to 5 of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan
    networks: NetworkPlan
