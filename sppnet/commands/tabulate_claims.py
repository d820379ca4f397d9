"""tabulate-claims: the paper's claims beside what was measured, and a verdict on each."""

import json
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from sppnet.errors import SppnetError
from sppnet.report.claims import find_claim
from sppnet.report.comparisons import Side, measure
from sppnet.report.tables import aligned, write_table
from sppnet.report.verdicts import claim_row, layout, paper_effect


def run(
    comparison: Annotated[
        list[str],
        Option(
            help="A measured claim as JSON: claim, measured_on, comparable (whether the paper's "
            "numbers are of such networks), ours and reference, each with files and, for a "
            "timing, part (what was timed). Once per line."
        ),
    ],
    reference: Annotated[Path, Option(help="The paper's numbers (.csv).")],
    bootstrap: Annotated[int, Option(help="Samples behind each interval.", min=1)],
    seed: Annotated[int, Option(help="Seed of the samples.")],
    text: Annotated[Path, Option("--csv", help="The table of claims.")],
    metadata: Annotated[Path, Option("--json", help="Every line with the numbers behind it.")],
) -> None:
    """Compare the measured effects with the paper's claims; print and write the verdicts."""
    rows: list[dict[str, Any]] = []
    for name, where, comparable, ours, other in map(read_comparison, comparison):
        claim = find_claim(name)
        found = measure(claim, ours, other, replicates=bootstrap, seed=seed)
        paper = paper_effect(claim, reference) if comparable else None
        rows.append(claim_row(claim, where, found, paper))
    lines = layout(rows)
    write_table(text, lines, metadata, {"claims": rows})
    print(aligned(lines))


def read_comparison(text: str) -> tuple[str, str, bool, Side, Side]:
    """Claim, what it is measured on, whether the paper's numbers compare, and sides, from JSON.

    Raises:
        SppnetError: not JSON, or a field is missing or unfit.
    """
    try:
        values = json.loads(text)
        sides = [
            Side(tuple(Path(each) for each in side["files"]), side.get("part") or "")
            for side in (values["ours"], values["reference"])
        ]
        name, where = str(values["claim"]), str(values["measured_on"])
        comparable = bool(values["comparable"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SppnetError(
            f"--comparison: {text!r} is not the JSON of a comparison ({error!r}); "
            "give claim, measured_on, comparable, ours, reference"
        ) from None
    if not all(side.files for side in sides):
        raise SppnetError(f"--comparison: {text!r} has a side without files; name them")
    return name, where, comparable, sides[0], sides[1]
