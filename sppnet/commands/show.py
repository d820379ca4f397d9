"""Show a result table on the terminal."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from sppnet.errors import SppnetError


def run(
    table: Annotated[Path, typer.Argument(help="A CSV table, e.g. results/table9.csv.")],
) -> None:
    """Show a result table on the terminal."""
    try:
        rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise SppnetError(f"{table}: cannot be read ({error}); build it with snakemake") from None
    shown = Table(box=box.SIMPLE, title=str(table))
    for position, column in enumerate(rows.columns):
        shown.add_column(column, justify="right" if position else "left")
    for values in rows.itertuples(index=False):
        shown.add_row(*values)
    Console(width=None if Console().is_terminal else 120).print(shown)
