"""What the commands that tabulate are asked for."""

from pathlib import Path

from pydantic import Field

from sppnet.config.section import Name, Section


class DetectionColumn(Section):
    """A column of Table 9."""

    name: Name = Field(description="Name of the detector.")
    title: str = Field(description="Heading of the column.")
    reference: str | None = Field(description="Column of the paper's table to compare with.")
    evaluation: Path = Field(description="Results of evaluate (.json).")


class DetectionColumns(Section):
    """The columns of Table 9, in order."""

    columns: tuple[DetectionColumn, ...] = Field(min_length=1, description="Columns.")
