"""The networks of a configuration, with the files and settings of their training."""

from dataclasses import dataclass
from pathlib import Path

from sppnet.classify.settings import TrainingImages
from sppnet.config.section import Section, required
from sppnet.config.settings import Settings
from sppnet.models.settings import (
    PACKAGE_PREFIX,
    TORCHVISION_PREFIX,
    Architecture,
    BackboneSource,
    Inference,
    StartingBackbone,
)
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan


@dataclass(frozen=True)
class NetworkPlan:
    """Networks of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan

    def source_files(self, network: str) -> list[str]:
        """The file that a backbone is imported from.

        None for a package, whose version stands for it, and for torchvision, which downloads it.
        """
        source = self.source(network).source
        return [] if source.startswith((PACKAGE_PREFIX, TORCHVISION_PREFIX)) else [source]

    def source(self, network: str) -> BackboneSource:
        """The source of the imported backbone of a network."""
        imported = self.settings.all_networks[network].imported_backbone
        return BackboneSource.of(required(imported, f"networks.{network}.imported_backbone"))

    def backbone_name(self, network: str) -> str:
        """Name of the backbone of a network."""
        return self.settings.all_networks[network].architecture.backbone

    def backbone(self, network: str) -> list[str]:
        """The imported backbone of a network, if it has one."""
        imported = self.settings.all_networks[network].imported_backbone
        return [self.files.backbone(network)] if imported else []

    def architecture(self, network: str) -> Architecture:
        """Architecture of a network."""
        return self.settings.all_networks[network].architecture

    def untrained(self) -> list[str]:
        """Networks whose fully-connected layers start at random."""
        trained = self.settings.trained_networks
        return [name for name in self.settings.all_networks if name not in trained]

    def training(self, network: str) -> list[Section]:
        """Architecture and training of a network, and the imported backbone if it has one."""
        settings = self.settings.all_networks[network]
        training = required(settings.training, f"networks.{network}.training")
        if settings.imported_backbone is None:
            return [settings.architecture, training]
        start = StartingBackbone(
            backbone_weights=Path(self.files.backbone(network)),
            freeze_backbone=settings.imported_backbone.freeze,
        )
        return [settings.architecture, start, training]

    def inference(self) -> Inference:
        """How networks compute features and scores, in every stage but training."""
        return self.settings.inference

    def images_read(self) -> list[str]:
        """Input files that stand for the training images: the manifest, or the store digests."""
        if self.settings.store is None:
            return [self.images.classification]
        return [f"{store}.json" for store in self.stores()]

    def stores(self) -> list[str]:
        """Folders of stored training and validation images, if images are stored."""
        parts = ("train", "val") if self.settings.store else ()
        return [self.files.artifact(f"store/{part}") for part in parts]

    def training_images(self) -> TrainingImages:
        """The images that networks are trained on, as options of the command."""
        if self.settings.store is None:
            return TrainingImages(manifest=Path(self.images.classification))
        store, validation_store = map(Path, self.stores())
        return TrainingImages(store=store, validation_store=validation_store)
