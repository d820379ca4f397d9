"""draw-curves: training and validation errors by epoch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from sppnet.errors import SppnetError
from sppnet.report.curves import draw_curves, read_history


def run(
    variant: Annotated[
        list[str],
        Option(
            help="A training variant as JSON: name, files (histories of pretrain, one per seed). "
            "Once per way."
        ),
    ],
    png: Annotated[Path, Option(help="The figure (.png).")],
    svg: Annotated[Path, Option(help="The figure (.svg).")],
) -> None:
    """Draw the learning curves of several training variants, with the mean over their seeds."""
    draw_curves([png, svg], dict(map(_read_variant, variant)))


def _read_variant(text: str) -> tuple[str, Sequence[pd.DataFrame]]:
    try:
        values = json.loads(text)
        name, files = str(values["name"]), [Path(each) for each in values["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SppnetError(
            f"--variant: {text!r} is not the JSON of a training variant ({error!r}); "
            "give name and files"
        ) from None
    return name, [read_history(path) for path in files]
