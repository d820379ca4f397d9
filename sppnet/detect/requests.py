"""What measure-speed is asked for: the detectors that are timed side by side."""

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from sppnet.config.section import Name, Section
from sppnet.detect.settings import MapPooling, Warp


class TimedColumn(Section):
    """A detector that is timed."""

    name: Name = Field(description="Name of the detector.")
    weights: Path = Field(description="Network of pretrain.")
    finetuned: Path = Field(description="Network of finetune or finetune-rcnn.")
    svm: Path = Field(description="SVMs of train-svm.")
    pooling: MapPooling | None = Field(default=None, description="SPP-net: pooling from maps.")
    warp: Warp | None = Field(default=None, description="R-CNN: warping of boxes.")

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        if (self.pooling is None) == (self.warp is None):
            raise ValueError("give pooling for SPP-net, or warp for R-CNN")
        return self


class TimedColumns(Section):
    """The detectors, in the order in which they take turns."""

    columns: tuple[TimedColumn, ...] = Field(min_length=1, description="Detectors.")

    @field_validator("columns")
    @classmethod
    def _names_differ(cls, columns: tuple[TimedColumn, ...]) -> tuple[TimedColumn, ...]:
        names = [column.name for column in columns]
        if len(set(names)) < len(names):
            raise ValueError(f"{', '.join(names)}: give each detector once")
        return columns
