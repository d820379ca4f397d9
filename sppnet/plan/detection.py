"""Table 9: which files and settings each stage of a detector is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sppnet.config.section import Section
from sppnet.config.settings import Settings
from sppnet.detect.requests import TimedColumn, TimedColumns
from sppnet.detect.settings import (
    DetectionTiming,
    MapPooling,
    Method,
    RcnnDetector,
    Subset,
    Suppression,
    Warp,
)
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan
from sppnet.report.requests import DetectionColumn, DetectionColumns
from sppnet.report.settings import DetectionPage, Speedups
from sppnet.statistics.settings import Bootstrap

State = Literal["pretrained", "finetuned"]
STATES: tuple[State, State] = ("pretrained", "finetuned")


@dataclass(frozen=True)
class DetectionPlan:
    """Detectors of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan

    @property
    def columns(self) -> tuple[str, ...]:
        """Detectors of Table 9, in column order."""
        return self.settings.table9.columns

    @property
    def same_images(self) -> bool:
        """Whether all columns learn from the same images: else they are no rivals in accuracy."""
        return len({self.part(detector) for detector in self.columns}) == 1

    def named(self, method: Method) -> list[str]:
        """Detectors of a method."""
        return [name for name, own in self.settings.detectors.items() if own.method == method]

    def weights(self, detector: str) -> str:
        """The network that a detector starts from."""
        return self.files.network(self.settings.detectors[detector].network)

    def state_weights(self, detector: str, state: State) -> str:
        """The network of a detector before or after fine-tuning."""
        if state == "pretrained":
            return self.weights(detector)
        return self.files.detector(detector, "finetuned.safetensors")

    def features(self, detector: str, split: str) -> list[str]:
        """Features of the boxes of a split.

        SPP-net pools conv5 maps, a file per scale, which fine-tuning leaves as they are. R-CNN has
        features of the regions before and after fine-tuning.
        """
        own = self.settings.detectors[detector]
        if isinstance(own, RcnnDetector):
            return [self.files.region_features(detector, state, split) for state in STATES]
        return self.files.maps(own.network, own.scales, split)

    def part(self, detector: str) -> Subset:
        """Images that a detector is trained, tested and evaluated on: R-CNN's may be few."""
        own = self.settings.detectors[detector]
        return Subset.of(own) if isinstance(own, RcnnDetector) else Subset()

    def boxes(self, detector: str) -> MapPooling | Warp:
        """How boxes are pooled from maps, or warped."""
        own = self.settings.detectors[detector]
        return Warp.of(own) if isinstance(own, RcnnDetector) else MapPooling.of(own)

    def region_features(self, detector: str) -> list[Section]:
        """How R-CNN warps boxes, and of which images."""
        return [self.boxes(detector), self.part(detector)]

    def finetuning(self, detector: str) -> list[Section]:
        """How boxes are pooled or warped, and fine-tuning.

        It is on all images, as R-CNN's does not take longer on more of them.
        """
        return [self.boxes(detector), getattr(self.settings.finetune, self._method(detector))]

    def svm(self, detector: str) -> list[Section]:
        """How boxes are pooled or which images are used, and the SVMs."""
        return [self._regions(detector), getattr(self.settings.svm, self._method(detector))]

    def bbox(self, detector: str) -> list[Section]:
        """How boxes are pooled or which images are used, and box regression."""
        return [self._regions(detector), getattr(self.settings.bbox, self._method(detector))]

    def detection(self, detector: str) -> list[Section]:
        """How boxes are pooled or which images are searched, and which boxes are kept."""
        return [self._regions(detector), self.settings.detection]

    def evaluation(self, detector: str) -> list[Section]:
        """Which images were searched, and how detections are evaluated."""
        return [self.part(detector), self.settings.evaluation]

    def column_weights(self) -> list[str]:
        """Networks that the detectors of the columns start from."""
        return [self.weights(detector) for detector in self.columns]

    def column_files(self, name: str) -> list[str]:
        """A file of the detector of each column: finetuned.safetensors, evaluation.json ..."""
        return [self.files.detector(detector, name) for detector in self.columns]

    def timed_columns(self) -> TimedColumns:
        """Detectors that are timed, each with the files that it is made of."""
        return TimedColumns(columns=tuple(map(self._timed, self.columns)))

    def timing(self) -> DetectionTiming:
        """How often and on which images detectors are timed."""
        return DetectionTiming.of(self.settings.timing)

    def table_columns(self) -> DetectionColumns:
        """Columns of Table 9, each with its results."""
        return DetectionColumns(columns=tuple(map(self._column, self.columns)))

    def table(self) -> list[Section]:
        """What speedups refer to, and the samples behind intervals."""
        return [Speedups.of(self.settings.table9), Bootstrap.of(self.settings.evaluation)]

    def drawn_detections(self) -> str:
        """Detections that are drawn."""
        return self.files.detector(self.settings.figures.detector, "detections.parquet")

    def page(self) -> list[Section]:
        """What is drawn: images, and the boxes that survive as in the evaluation."""
        return [DetectionPage.of(self.settings.figures), Suppression.of(self.settings.evaluation)]

    def _method(self, detector: str) -> Method:
        return self.settings.detectors[detector].method

    def _regions(self, detector: str) -> MapPooling | Subset:
        """How SPP-net pools a box; R-CNN's features are of whole boxes, and maybe of few images."""
        boxes = self.boxes(detector)
        return self.part(detector) if isinstance(boxes, Warp) else boxes

    def _timed(self, detector: str) -> TimedColumn:
        boxes = self.boxes(detector)
        return TimedColumn(
            name=detector,
            weights=Path(self.weights(detector)),
            finetuned=Path(self.files.detector(detector, "finetuned.safetensors")),
            svm=Path(self.files.detector(detector, "svm.safetensors")),
            pooling=boxes if isinstance(boxes, MapPooling) else None,
            warp=boxes if isinstance(boxes, Warp) else None,
        )

    def _column(self, detector: str) -> DetectionColumn:
        own = self.settings.detectors[detector]
        return DetectionColumn(
            name=detector,
            title=own.title,
            reference=own.reference,
            evaluation=Path(self.files.detector(detector, "evaluation.json")),
        )
