"""What the plan asks of the commands that lay out tables and draw figures."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from sppnet.config.section import Name, Section
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


class Column(Section):
    """A column of a table: its key in JSON, heading, and name in the paper's numbers."""

    name: Name = Field(description="Name of the detector, or of the column of the configuration.")
    title: str = Field(description="Heading.")
    reference: str | None = Field(description="Its column in the paper; null where it has none.")


class DetectionColumn(Column):
    """A column of Table 9."""

    evaluation: Path = Field(description="Results of evaluate (.json).")


class DetectionColumns(Section):
    """The columns of Table 9, in order."""

    columns: tuple[DetectionColumn, ...] = Field(min_length=1, description="Columns.")


class TransferColumnRequest(Column):
    """A column of Table 6, 7 or 8."""

    result: Path = Field(description="Result of transfer.")
    layer: str | None = Field(default=None, description="Table 8: the layer that is shown.")


class WarpedRequest(Section):
    """Table 7: images warped to squares, as a further row of a column."""

    beside: str = Field(description="Name of the column.")
    result: Path = Field(description="Result of transfer.")


class TransferTableRequest(Section):
    """Table 6 (VOC 2007), 7 (Caltech-101) or 8 (both, beside other methods)."""

    table: Literal[6, 7, 8]
    columns: tuple[TransferColumnRequest, ...] = Field(min_length=1)
    warped: WarpedRequest | None = None

    @field_validator("columns")
    @classmethod
    def _layers_of_table_8(
        cls, columns: tuple[TransferColumnRequest, ...], earlier: ValidationInfo
    ) -> tuple[TransferColumnRequest, ...]:
        for column in columns:
            if (column.layer is not None) != (earlier.data.get("table") == 8):
                raise ValueError(f"{column.name}: layer {column.layer}; give one in Table 8 only")
        return columns

    @field_validator("warped")
    @classmethod
    def _beside_a_column_of_table_7(
        cls, warped: WarpedRequest | None, earlier: ValidationInfo
    ) -> WarpedRequest | None:
        names = [column.name for column in earlier.data.get("columns", ())]
        if warped and (earlier.data.get("table") != 7 or warped.beside not in names):
            raise ValueError(f"beside {warped.beside!r}; name a column of Table 7")
        return warped


class Side(Section):
    """One side of a comparison."""

    files: tuple[Path, ...] = Field(
        min_length=1,
        description="Errors: scores of each network. Mean average precision: one evaluation. "
        "Accuracy: one result of transfer. Times: one timing, the same on both sides.",
    )
    part: str = Field(
        default="", description="Timing: a detector, a view set, or a training variant."
    )


class Comparison(Section):
    """A claim that is measured."""

    claim: str = Field(description="Name of the claim.")
    measured_on: str = Field(description="Networks and images, in words.")
    not_comparable: str = Field(
        description="What differs from the paper's experiment; empty if nothing does."
    )
    manifest: Path | None = Field(
        default=None, description="Manifest of the test images, where the claim needs their sides."
    )
    ours: Side = Field(description="The side that the claim says is better.")
    reference: Side = Field(description="The other side.")


class Comparisons(Section):
    """The claims that a configuration can measure, in the order of the table."""

    comparisons: tuple[Comparison, ...] = Field(min_length=1)
