"""verify: the tables of a run beside the expected ones."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Results
from sppnet.errors import SppnetError
from sppnet.report.expected import Deviation, deviations, read_expected
from sppnet.report.tables import aligned
from sppnet.report.written_tables import read_table


def run(
    *,
    results: Results,
    expected: Annotated[
        Path, Parameter(help="Expected results (.csv), e.g. config/expected/mini.csv.")
    ],
    tables: Annotated[
        tuple[str, ...], Parameter(help="Tables to verify, e.g. table9; all if none is given.")
    ] = (),
) -> None:
    """Compare tables with the expected ones cell by cell; exit status 1 if one deviates."""
    expectations = read_expected(expected)
    names = list(dict.fromkeys(expectation.table for expectation in expectations))
    for name in tables:
        if name not in names:
            raise SppnetError(f"--tables: {expected} has no {name}; use {', '.join(names)}")
    deviating: list[Deviation] = []
    cells = 0
    for name in tables or names:
        listed = [expectation for expectation in expectations if expectation.table == name]
        deviating += deviations(name, read_table(results / f"{name}.csv"), listed)
        cells += len(listed)
    if deviating:
        print(aligned([Deviation._fields, *deviating]))
    print(f"{', '.join(tables or names)}: {cells} expected cells, {len(deviating)} deviating")
    if deviating:
        sys.exit(1)
