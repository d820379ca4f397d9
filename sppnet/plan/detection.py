"""Table 9: which files and settings each stage of a detector is given."""

from dataclasses import dataclass

from sppnet.config.section import Section
from sppnet.config.settings import Settings
from sppnet.detect.settings import MapPooling, RcnnDetector, Subset
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan


@dataclass(frozen=True)
class DetectionPlan:
    """Detectors of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan

    def weights(self, detector: str) -> str:
        """The network that a detector starts from."""
        return self.files.network(self.settings.detectors[detector].network)

    def features(self, detector: str, split: str) -> list[str]:
        """Features of the boxes of a split, of which SVMs and regressors are trained.

        SPP-net pools conv5 maps, a file per scale, which fine-tuning leaves as they are. R-CNN has
        features of the regions before and after fine-tuning.
        """
        own = self.settings.detectors[detector]
        if isinstance(own, RcnnDetector):
            states = ("pretrained", "finetuned")
            return [self.files.region_features(detector, state, split) for state in states]
        return self.files.maps(own.network, own.scales, split)

    def svm(self, detector: str) -> list[Section]:
        """How boxes are pooled or which images are used, and the SVMs."""
        return [self._regions(detector), getattr(self.settings.svm, self._method(detector))]

    def bbox(self, detector: str) -> list[Section]:
        """How boxes are pooled or which images are used, and box regression."""
        return [self._regions(detector), getattr(self.settings.bbox, self._method(detector))]

    def _method(self, detector: str) -> str:
        return self.settings.detectors[detector].method

    def _regions(self, detector: str) -> MapPooling | Subset:
        own = self.settings.detectors[detector]
        if isinstance(own, RcnnDetector):
            return Subset(images=own.images)
        return MapPooling(scales=own.scales, target=own.target, shrink=own.shrink)
