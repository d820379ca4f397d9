"""The whole plan of a configuration: the inputs and settings of every file."""

from dataclasses import dataclass

from sppnet.config.settings import Settings
from sppnet.plan.claims import ClaimPlan
from sppnet.plan.classification import ClassificationPlan
from sppnet.plan.detection import DetectionPlan
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan
from sppnet.plan.networks import NetworkPlan
from sppnet.plan.transfer import TransferPlan


@dataclass(frozen=True)
class Plan:
    """The plans of all parts of the pipeline.

    Attributes:
        images: image sets with their manifests, stores and proposals.
        networks: pretrained networks.
        classification: Tables 1 to 5.
        transfer: Tables 6 to 8.
        detection: Table 9.
        claims: the claims, and the list of all results.
    """

    images: ImagePlan
    networks: NetworkPlan
    classification: ClassificationPlan
    transfer: TransferPlan
    detection: DetectionPlan
    claims: ClaimPlan


def plan_of(settings: Settings) -> Plan:
    """The plan of a configuration."""
    files = Files(settings.paths)
    images = ImagePlan(settings, files)
    networks = NetworkPlan(settings, files, images)
    classification = ClassificationPlan(settings, files, images, networks)
    transfer = TransferPlan(settings, files, images)
    detection = DetectionPlan(settings, files, images)
    claims = ClaimPlan(settings, files, classification, transfer, detection)
    return Plan(images, networks, classification, transfer, detection, claims)
