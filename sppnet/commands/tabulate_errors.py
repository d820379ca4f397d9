"""tabulate-errors: Tables 2 to 5 and the ablations as CSV and JSON."""

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.errors import SppnetError
from sppnet.report.error_tables import (
    METRICS,
    Request,
    TableName,
    cell_metrics,
    error_table,
    layout,
)
from sppnet.report.tables import aligned, write_table


def run(
    table: Annotated[TableName, Option(help="2, 3, 4, 5 or ablations.")],
    cell: Annotated[
        list[str],
        Option(
            help="A cell as JSON: row, column, metric (top1 or top5), reference (row and column "
            "of the paper's number, or null), files (scores, one per seed). Once per cell."
        ),
    ],
    reference: Annotated[Path, Option(help="The paper's numbers (.csv).")],
    bootstrap: Annotated[int, Option(help="Samples behind each interval.", min=1)],
    seed: Annotated[int, Option(help="Seed of the samples.")],
    text: Annotated[Path, Option("--csv", help="The table, laid out as in the paper.")],
    metadata: Annotated[Path, Option("--json", help="Every cell: value, n, interval, paper.")],
) -> None:
    """Lay out a table of classification errors, print it, and write it as CSV and JSON."""
    requests = [read_request(each) for each in cell]
    lines = error_table(table, requests, reference, replicates=bootstrap, seed=seed)
    texts = layout(table, lines)
    write_table(text, texts, metadata, cell_metrics(lines))
    print(aligned(texts))


def read_request(text: str) -> Request:
    """A cell from its JSON.

    Raises:
        SppnetError: not JSON, or a field is missing or unfit.
    """
    try:
        values = json.loads(text)
        found = values["reference"]
        reference = None if found is None else (str(found[0]), str(found[1]))
        files = tuple(Path(name) for name in values["files"])
        request = Request(values["row"], values["column"], values["metric"], reference, files)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise SppnetError(
            f"--cell: {text!r} is not the JSON of a cell ({error!r}); give row, column, metric ..."
        ) from None
    if request.metric not in METRICS or not files:
        raise SppnetError(f"--cell: {text!r} needs metric top1 or top5, and files; correct it")
    return request
