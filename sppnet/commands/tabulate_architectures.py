"""tabulate-architectures: Table 1 as CSV and JSON."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.report.architectures import (
    Stages,
    measured_stages,
    stacked,
    table1_lines,
    table1_metadata,
    unmet,
)
from sppnet.report.settings import Table1
from sppnet.report.tables import aligned, write_table


def run(
    *,
    shown: Table1,
    table: Annotated[Path, Parameter(name="--csv", help="The table, laid out as in the paper.")],
    cells: Annotated[
        Path, Parameter(name="--json", help="Every stage: layers, map sizes, the paper's.")
    ],
) -> None:
    """Build the backbones, lay them out as Table 1, print it, and write it as CSV and JSON."""
    stages: Stages = {name: measured_stages(name, shown.input_size) for name in shown.backbones}
    lines = table1_lines(stages)
    write_table(table, lines, cells, table1_metadata(stages, shown.input_size))
    print("\n".join([aligned(stacked(lines)), *unmet(stages)]))
