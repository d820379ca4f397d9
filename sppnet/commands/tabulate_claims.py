"""tabulate-claims: the paper's claims beside what was measured, and a verdict on each."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Reference
from sppnet.config.requests import read_request
from sppnet.report.claims import find_claim
from sppnet.report.comparisons import measure
from sppnet.report.requests import Comparisons
from sppnet.report.tables import aligned, write_table
from sppnet.report.verdicts import claim_row, layout, paper_effect
from sppnet.statistics.settings import Bootstrap


def run(
    *,
    comparisons: Annotated[
        Path,
        Parameter(
            help="Measured claims (.json): for each its name, what it was measured on, whether "
            "the paper's numbers are of the same networks, and the files of its two sides."
        ),
    ],
    reference: Reference,
    samples: Bootstrap,
    table: Annotated[Path, Parameter(name="--csv", help="Table of claims (.csv).")],
    metadata: Annotated[
        Path, Parameter(name="--json", help="Claims with the numbers behind them (.json).")
    ],
) -> None:
    """Print a verdict on each claim of the paper, and write the verdicts as CSV and JSON."""
    rows = []
    for each in read_request(comparisons, Comparisons).comparisons:
        claim = find_claim(each.claim)
        measured = measure(claim, each.ours, each.reference, samples)
        paper = paper_effect(claim, reference) if each.comparable else None
        rows.append(claim_row(claim, each.measured_on, measured, paper))
    lines = layout(rows)
    write_table(table, lines, metadata, {"claims": rows})
    print(aligned(lines))
