"""All networks of a configuration, and what their training is given."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

from sppnet.config.names import network_name
from sppnet.config.settings import Settings
from sppnet.models.settings import Architecture, Network, Training
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

    @cached_property
    def all(self) -> dict[str, Network]:
        """As `all_networks`."""
        return all_networks(self.settings)
