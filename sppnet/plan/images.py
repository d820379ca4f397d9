"""Image sets, and what is read of them: manifests, stores, proposals."""

from dataclasses import dataclass

from sppnet.config.settings import Settings
from sppnet.detect.settings import SelectiveSearch
from sppnet.plan.files import Files


@dataclass(frozen=True)
class ImagePlan:
    """Image sets of a configuration."""

    settings: Settings
    files: Files

    def proposals(self) -> SelectiveSearch:
        """How proposals are made."""
        return self.settings.proposals

    @property
    def classification(self) -> str:
        """Manifest of the images that networks are pretrained and validated on."""
        return self.files.manifest("imagenet" if self.settings.data.imagenet else "image_folder")
