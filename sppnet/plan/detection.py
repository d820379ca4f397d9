"""Table 9: files and settings of every stage of a detector."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sppnet.config.section import Section, required
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

    def compared(self) -> list[str]:
        """The columns of SPP-net that claims are about, in column order.

        They have the backbone of the baseline; all columns if none has it, as in the paper.
        """
        columns = [name for name in self.columns if self._method(name) == "spp"]
        baseline = self._backbone(self.settings.table9.baseline)
        alike = [name for name in columns if self._backbone(name) == baseline]
        return alike or columns

    def comparable_in_accuracy(self) -> list[str]:
        """Those of `compared` that are trained and tested on the images of the baseline."""
        part = self.part(self.settings.table9.baseline)
        return [name for name in self.compared() if self.part(name) == part]

    def named(self, method: Method) -> list[str]:
        """Names of the detectors of a method."""
        detectors = self.settings.detectors.items()
        return [name for name, detector in detectors if detector.method == method]

    def weights(self, detector: str) -> str:
        """The pretrained network of a detector."""
        return self.files.network(self.settings.detectors[detector].network)

    def state_weights(self, detector: str, state: State) -> str:
        """The network of a detector before or after fine-tuning."""
        if state == "pretrained":
            return self.weights(detector)
        return self.files.detector(detector, "finetuned.safetensors")

    def features(self, detector: str, split: str) -> list[str]:
        """Features of the boxes of a split.

        SPP-net pools conv5 maps, with one file per scale; fine-tuning does not change them. R-CNN
        uses features of the regions before and after fine-tuning.
        """
        settings = self.settings.detectors[detector]
        if isinstance(settings, RcnnDetector):
            return [self.files.region_features(detector, state, split) for state in STATES]
        return self.files.maps(settings.network, settings.scales, split)

    def part(self, detector: str) -> Subset:
        """The images that a detector is trained, tested and evaluated on."""
        return Subset.of(self.settings.detectors[detector])

    def boxes(self, detector: str) -> MapPooling | Warp:
        """How boxes are pooled from maps, or warped."""
        settings = self.settings.detectors[detector]
        is_rcnn = isinstance(settings, RcnnDetector)
        return Warp.of(settings) if is_rcnn else MapPooling.of(settings)

    def region_features(self, detector: str) -> list[Section]:
        """How R-CNN warps boxes, and on which images."""
        return [self.boxes(detector), self.part(detector)]

    def finetuning(self, detector: str) -> list[Section]:
        """How boxes are pooled or warped, on which images, and the settings of fine-tuning."""
        return [
            self.boxes(detector),
            self.part(detector),
            self._of_method("finetune", detector),
        ]

    def svm(self, detector: str) -> list[Section]:
        """How SPP-net pools boxes, which images are used, and the settings of the SVMs."""
        return [*self._regions(detector), self._of_method("svm", detector)]

    def bbox(self, detector: str) -> list[Section]:
        """How SPP-net pools boxes, which images are used, and the settings of box regression."""
        return [*self._regions(detector), self._of_method("bbox", detector)]

    def detection(self, detector: str) -> list[Section]:
        """How SPP-net pools boxes, which images are used, and which detections are stored."""
        return [*self._regions(detector), self.settings.detection]

    def evaluation(self, detector: str) -> list[Section]:
        """Which images are evaluated, and how."""
        return [self.part(detector), self.settings.evaluation]

    def column_weights(self) -> list[str]:
        """Pretrained networks of the detectors of all columns."""
        return [self.weights(detector) for detector in self.columns]

    def column_files(self, name: str) -> list[str]:
        """A file of the detector of each column: finetuned.safetensors, evaluation.json ..."""
        return [self.files.detector(detector, name) for detector in self.columns]

    def timed_columns(self) -> TimedColumns:
        """The detectors to time, each with its files."""
        return TimedColumns(columns=tuple(map(self._timed, self.columns)))

    def timing(self) -> DetectionTiming:
        """How often and on which images detectors are timed."""
        return DetectionTiming.of(self.settings.timing)

    def table_columns(self) -> DetectionColumns:
        """Columns of Table 9, each with its results."""
        return DetectionColumns(columns=tuple(map(self._column, self.columns)))

    def table(self) -> list[Section]:
        """The baseline of speedups, and the bootstrap samples for intervals."""
        return [Speedups.of(self.settings.table9), Bootstrap.of(self.settings.evaluation)]

    def drawn_detections(self) -> str:
        """The detections to draw."""
        return self.files.detector(self.settings.figures.detector, "detections.parquet")

    def page(self) -> list[Section]:
        """The images to draw, and the suppression of boxes as in the evaluation."""
        return [DetectionPage.of(self.settings.figures), Suppression.of(self.settings.evaluation)]

    def _of_method(self, stage: str, detector: str) -> Section:
        """Settings of a stage for the method of a detector."""
        method = self._method(detector)
        section: Section | None = getattr(getattr(self.settings, stage), method)
        return required(section, f"{stage}.{method}")

    def _method(self, detector: str) -> Method:
        return self.settings.detectors[detector].method

    def _backbone(self, detector: str) -> str:
        network = self.settings.detectors[detector].network
        return self.settings.all_networks[network].architecture.backbone

    def _regions(self, detector: str) -> list[Section]:
        """How SPP-net pools a box (R-CNN's region features are pooled), and which images."""
        boxes, part = self.boxes(detector), self.part(detector)
        return [part] if isinstance(boxes, Warp) else [boxes, part]

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
        settings = self.settings.detectors[detector]
        return DetectionColumn(
            name=detector,
            title=settings.title,
            reference=settings.reference,
            evaluation=Path(self.files.detector(detector, "evaluation.json")),
        )
