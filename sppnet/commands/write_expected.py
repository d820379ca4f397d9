"""write-expected: the expected results of a configuration, from one of its runs."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Results, Written
from sppnet.errors import SppnetError
from sppnet.report.expected import expectations_from, write_expected
from sppnet.report.written_tables import read_table


def run(
    *,
    results: Results,
    expected: Annotated[Written, Parameter(help="Expected results (.csv).")],
) -> None:
    """Write what the tables of another run should show, with tolerances from the intervals."""
    tables = sorted(results.glob("*.csv"))
    if not tables:
        raise SppnetError(f"{results}: has no tables; build them with snakemake")
    expectations = [
        expectation
        for table in tables
        for expectation in expectations_from(table.stem, read_table(table))
    ]
    write_expected(expected, expectations)
    print(f"{expected}: {len(expectations)} cells of {len(tables)} tables")
