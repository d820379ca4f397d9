"""show: a result table on the terminal."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from cyclopts import Parameter
from rich import box
from rich.console import Console
from rich.table import Table

from sppnet.errors import SppnetError


def run(
    table: Annotated[Path, Parameter(help="Result table (.csv), e.g. results/table9.csv.")],
    /,
) -> None:
    """Print a result table."""
    try:
        # without a header, because pandas would make up names for empty headings
        rows = pd.read_csv(table, dtype=str, keep_default_na=False, header=None)
    except (OSError, ValueError) as error:
        raise SppnetError(f"{table}: cannot be read ({error}); build it with snakemake") from None
    grid = Table(box=box.SIMPLE, title=str(table))
    headings, *lines = rows.itertuples(index=False)
    for position, heading in enumerate(headings):
        grid.add_column(heading, justify="right" if position else "left")
    for values in lines:
        grid.add_row(*values)
    Console(width=None if Console().is_terminal else 120).print(grid)
