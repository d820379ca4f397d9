"""combine-scores: the averaged scores of several networks, and their errors."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.classify.top_k_error import top_error
from sppnet.commands.options import Written
from sppnet.data.store import write_json
from sppnet.models.score_files import write_scores
from sppnet.report.scores import combine_scores


def run(
    *,
    scores: Annotated[list[Path], Parameter(help="Scores from classify, one file per network.")],
    output: Annotated[Written, Parameter(help="Averaged scores (.safetensors).")],
    metrics: Annotated[Written, Parameter(help="Errors, views and number of networks (.json).")],
) -> None:
    """Average the scores of several networks on the same images."""
    combined = combine_scores(scores)
    description = combined.description
    write_scores(output, combined)
    errors = {f"top{top}": top_error(combined.values, combined.labels, top) for top in (1, 5)}
    report = {key: description[key] for key in ("view_set", "views", "scales", "models")}
    write_json(metrics, {**report, "images": len(combined.labels), **errors})
