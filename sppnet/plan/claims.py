"""The claims that a configuration can test, and the list of its results."""

from dataclasses import dataclass

from sppnet.config.settings import Settings
from sppnet.plan.classification import ClassificationPlan
from sppnet.plan.detection import DetectionPlan
from sppnet.plan.files import Files
from sppnet.plan.networks import NetworkPlan
from sppnet.plan.transfer import TransferPlan


@dataclass(frozen=True)
class ClaimPlan:
    """Claims and results of a configuration."""

    settings: Settings
    files: Files
    networks: NetworkPlan
    classification: ClassificationPlan
    transfer: TransferPlan
    detection: DetectionPlan
