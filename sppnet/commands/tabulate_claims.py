"""tabulate-claims: the claims of the paper beside the measured effects, with verdicts."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Reference, Written
from sppnet.config.requests import read_request
from sppnet.data.manifest import read_manifest
from sppnet.report.claims import find_claim
from sppnet.report.comparisons import measure
from sppnet.report.requests import Comparisons
from sppnet.report.tables import aligned, write_table
from sppnet.report.verdicts import claim_row, corrected, layout, paper_effect, row_not_made
from sppnet.statistics.settings import Bootstrap


def run(
    *,
    comparisons: Annotated[
        Path,
        Parameter(
            help="Measured claims (.json): for each its name, what it was measured on, what "
            "differs from the paper's experiment, and the files of its two sides."
        ),
    ],
    reference: Reference,
    samples: Bootstrap,
    table: Annotated[Written, Parameter(name="--csv", help="Table of claims (.csv).")],
    metadata: Annotated[
        Written, Parameter(name="--json", help="Claims with the numbers behind them (.json).")
    ],
) -> None:
    """Print a verdict on each claim of the paper, and write the verdicts as CSV and JSON."""
    rows = []
    for comparison in read_request(comparisons, Comparisons).comparisons:
        claim = find_claim(comparison.claim)
        paper = paper_effect(claim, reference)
        if comparison.manifest and are_squares(comparison.manifest):
            rows.append(row_not_made(claim, comparison.measured_on, paper))
            continue
        measured = measure(claim, comparison.ours, comparison.reference, samples)
        differs = comparison.not_comparable
        rows.append(claim_row(claim, comparison.measured_on, measured, paper, differs))
    rows = corrected(rows)
    lines = layout(rows)
    write_table(table, lines, metadata, {"claims": rows})
    print(aligned(lines))


def are_squares(manifest: Path) -> bool:
    """Whether all test images of the classification set are as high as wide."""
    records = read_manifest(manifest, dataset="classification", split="val")
    return all(record.width == record.height for record in records)
