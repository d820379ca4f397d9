"""All networks of a configuration, and what their training is given."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

from sppnet.classify.settings import TrainingImages
from sppnet.config.names import network_name
from sppnet.config.section import Section
from sppnet.config.settings import Settings
from sppnet.models.settings import (
    TORCHVISION_PREFIX,
    Architecture,
    BackboneSource,
    Network,
    StartingBackbone,
    Training,
)
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan


def all_networks(settings: Settings) -> dict[str, Network]:
    """The networks of a configuration by name, those of Tables 2 to 5 among them."""
    networks = dict(settings.networks)
    classifiers = settings.classifiers
    if classifiers is None:
        return networks
    choices = product(classifiers.backbones, classifiers.variants, classifiers.seeds)
    for name, variant_name, seed in choices:
        backbone, variant = classifiers.backbones[name], classifiers.variants[variant_name]
        networks[network_name(name, variant_name, seed)] = Network(
            architecture=Architecture(
                backbone=name,
                width=backbone.width,
                levels=variant.levels,
                **dict(classifiers.head),
            ),
            training=Training(
                **dict(classifiers.training),
                sizes=variant.sizes,
                size_choice=variant.size_choice,
                epochs=backbone.epochs,
                seed=seed,
            ),
        )
    return networks


@dataclass(frozen=True)
class NetworkPlan:
    """Networks of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan

    def source_files(self, network: str) -> list[str]:
        """The file that a backbone is imported from; torchvision fetches its own."""
        source = self.source(network).source
        return [] if source.startswith(TORCHVISION_PREFIX) else [source]

    def source(self, network: str) -> BackboneSource:
        """Where the backbone of a network was trained."""
        imported = self.all[network].imported_backbone
        assert imported, f"{network}: has no imported backbone"
        return BackboneSource(source=imported.source)

    def backbone_name(self, network: str) -> str:
        """Name of the backbone of a network."""
        return self.all[network].architecture.backbone

    def backbone(self, network: str) -> list[str]:
        """The imported backbone of a network, if it has one."""
        return [self.files.backbone(network)] if self.all[network].imported_backbone else []

    def training(self, network: str) -> list[Section]:
        """Architecture and training of a network, and the backbone that it starts from."""
        own = self.all[network]
        if own.imported_backbone is None:
            return [own.architecture, own.training]
        start = StartingBackbone(
            backbone_weights=Path(self.files.backbone(network)),
            freeze_backbone=own.imported_backbone.freeze,
        )
        return [own.architecture, start, own.training]

    def images_read(self) -> list[str]:
        """What a training waits for besides stores: the manifest, or the digests of the stores."""
        if self.settings.store is None:
            return [self.images.classification]
        return [f"{store}.json" for store in self.stores()]

    def stores(self) -> list[str]:
        """Folders of stored training and validation images, where there are any."""
        parts = ("train", "val") if self.settings.store else ()
        return [self.files.artifact(f"store/{part}") for part in parts]

    def training_images(self) -> TrainingImages:
        """The images that networks are trained on, as a training takes them."""
        if self.settings.store is None:
            return TrainingImages(manifest=Path(self.images.classification))
        store, validation_store = map(Path, self.stores())
        return TrainingImages(store=store, validation_store=validation_store)

    @cached_property
    def all(self) -> dict[str, Network]:
        """As `all_networks`."""
        return all_networks(self.settings)
