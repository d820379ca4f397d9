"""Files of scores: errors of several networks, and their combination."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sppnet.errors import SppnetError
from sppnet.models.score_files import Scores, read_scores


def read_wrong(paths: Sequence[Path], top: int) -> tuple[np.ndarray, list[str]]:
    """Read which images each of several networks gets wrong.

    Args:
        paths: one file of scores per network.
        top: an image is wrong if its label is not among this many highest scores.

    Returns:
        bool (S, N), and the names of the N images.

    Raises:
        SppnetError: there are no files, or they have different images or classes.
    """
    if not paths:
        raise SppnetError("files: no scores given; name at least one file")
    first = read_scores(paths[0])
    rows = [first.wrong(top)]
    for path in paths[1:]:
        scores = read_scores(path)
        check_alike(first, scores, paths[0], path)
        rows.append(scores.wrong(top))
    return np.stack(rows), list(first.description["images"])


def network_errors(paths: Sequence[Path], wrong: np.ndarray) -> list[dict[str, Any]]:
    """The error of every network, so that a reader can retrace a mean over networks.

    Args:
        paths: the S files of scores, one per network.
        wrong: bool `(S, N)`, the result of `read_wrong`.

    Returns:
        For each file, in order: its name (folder and stem), and the error as `value`, in %.
    """
    return [
        {"file": f"{path.parent.name}/{path.stem}", "value": percent(float(row.mean()))}
        for path, row in zip(paths, wrong, strict=True)
    ]


def percent(share: float) -> float:
    """A share as a percentage, to four decimals."""
    return round(100 * share, 4)


def check_alike(first: Scores, second: Scores, path: Path, other: Path) -> None:
    """Check that scores are of the same images and classes, in the same order.

    Raises:
        SppnetError: they differ; the message names both files.
    """
    for field in ("classes", "images"):
        if first.description[field] != second.description[field]:
            raise SppnetError(f"{other}: other {field} than {path}; give scores of the same set")
    if not torch.equal(first.labels, second.labels):
        raise SppnetError(f"{other}: other labels than {path}; give scores of the same set")


def combine_scores(paths: Sequence[Path]) -> Scores:
    """Average the scores of several networks, with the same weight for each file.

    Raises:
        SppnetError: there are no files, or they have different images or classes.

    Source: paper §3.1.6 (the scores of eleven networks are averaged).
    """
    if not paths:
        raise SppnetError("--scores: no files given; name at least one")
    first = read_scores(paths[0])
    total = torch.zeros_like(first.values, dtype=torch.float64)
    descriptions = []
    for path in paths:
        scores = read_scores(path)
        check_alike(first, scores, paths[0], path)
        total += scores.values
        descriptions.append(scores.description)
    description = {
        "classes": first.description["classes"],
        "images": first.description["images"],
        "view_set": " + ".join(dict.fromkeys(member["view_set"] for member in descriptions)),
        "views": sum(member["views"] for member in descriptions) / len(descriptions),
        "scales": sorted({scale for member in descriptions for scale in member["scales"]}),
        "models": sum(member.get("models", 1) for member in descriptions),
    }
    return Scores((total / len(paths)).float(), first.labels, description)
