"""tabulate-architectures: Table 1 as CSV and JSON."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Written
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
    table1: Table1,
    table: Annotated[
        Written, Parameter(name="--csv", help="Table, laid out as in the paper (.csv).")
    ],
    cells: Annotated[
        Written,
        Parameter(
            name="--json", help="Layers and map sizes of every stage, beside the paper's (.json)."
        ),
    ],
) -> None:
    """Print Table 1, read off the layers of the backbones, and write it as CSV and JSON."""
    stages: Stages = {name: measured_stages(name, table1.input_size) for name in table1.backbones}
    lines = table1_lines(stages)
    write_table(table, lines, cells, table1_metadata(stages, table1.input_size))
    print("\n".join([aligned(stacked(lines)), *unmet(stages)]))
