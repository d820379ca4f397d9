"""What the plan asks of the commands that lay out tables and draw figures."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sppnet.config.section import Section
from sppnet.report.paper_numbers import Metric, PaperNumber

TableName = Literal["2", "3", "4", "5", "ablations"]


class ErrorCellRequest(Section):
    """A cell to fill in with the mean error of networks."""

    row: str = Field(description='Heading; in Table 3 "model | train".')
    column: str = Field(description="Heading.")
    metric: Metric
    paper: PaperNumber | None = Field(description="The paper's number; null where it has none.")
    files: tuple[Path, ...] = Field(min_length=1, description="Scores of each network.")


class ErrorTableRequest(Section):
    """A table of classification errors: its number, or "ablations", and our cells, in order."""

    table: TableName
    cells: tuple[ErrorCellRequest, ...]


class Curve(Section):
    """Learning curves of a training variant."""

    name: str
    files: tuple[Path, ...] = Field(min_length=1, description="History of each network.")


class Curves(Section):
    """Learning curves of several training variants, in the order of the legend."""

    variants: tuple[Curve, ...] = Field(min_length=1)


class PointRequest(Section):
    """A view set in the figure of errors by views."""

    series: str = Field(description="Points of one series are joined by a line.")
    label: str = Field(description="Text beside the point.")
    view_set: str = Field(description="Name of the view set in the file of times.")
    scores: tuple[Path, ...] = Field(min_length=1, description="Scores of each network.")
    metrics: tuple[Path, ...] = Field(min_length=1, description="Errors and views of each network.")


class Points(Section):
    """Points of the figure, each series in the order of its line."""

    points: tuple[PointRequest, ...] = Field(min_length=1)
