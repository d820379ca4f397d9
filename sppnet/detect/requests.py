"""What measure-speed is asked for: the detectors that are timed side by side."""

from pathlib import Path

from pydantic import Field

from sppnet.config.section import Name, Section
from sppnet.detect.settings import MapPooling, Warp


class TimedColumn(Section):
    """A detector that is timed."""

    name: Name = Field(description="Name of the detector.")
    weights: Path = Field(description="Network of pretrain.")
    finetuned: Path = Field(description="Network of finetune or finetune-rcnn.")
    svm: Path = Field(description="SVMs of train-svm.")
    boxes: MapPooling | Warp = Field(
        description="SPP-net: how boxes are pooled from maps. R-CNN: how they are warped."
    )


class TimedColumns(Section):
    """The detectors, in the order in which they take turns."""

    columns: tuple[TimedColumn, ...] = Field(min_length=1, description="Detectors.")
