"""tabulate-architectures: Table 1 as CSV and JSON."""

from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.report.architectures import (
    measured_stages,
    stacked,
    table1_lines,
    table1_metadata,
    unmet,
)
from sppnet.report.tables import aligned, write_table


def run(
    backbone: Annotated[list[str], Option(help="A chain of layers; repeat, in table order.")],
    input_size: Annotated[int, Option(help="Side of the image in pixels; the paper's is 224.")],
    table: Annotated[Path, Option("--csv", help="The table, laid out as in the paper.")],
    cells: Annotated[Path, Option("--json", help="Every stage: layers, map sizes, the paper's.")],
) -> None:
    """Build the backbones, lay them out as Table 1, print it, and write it as CSV and JSON."""
    stages = {name: measured_stages(name, input_size) for name in backbone}
    lines = table1_lines(stages)
    write_table(table, lines, cells, table1_metadata(stages, input_size))
    print("\n".join([aligned(stacked(lines)), *unmet(stages)]))
