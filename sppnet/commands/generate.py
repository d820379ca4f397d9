"""generate: an image set made by the project itself, in the layout of a real one."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Workers
from sppnet.data.scenes import generate_scenes
from sppnet.data.settings import Layout, ScenePlan
from sppnet.data.store import write_json


def run(
    *,
    layout: Annotated[
        Layout, Parameter(help="Layout of the set; each layout has pictures of its own.")
    ],
    plan: ScenePlan,
    output: Annotated[Path, Parameter(help="Folder to make.")],
    digest: Annotated[
        Path, Parameter(help="What was made, with a checksum over all files (.json).")
    ],
    workers: Workers = 1,
) -> None:
    """Draw scenes of eight classes for classification or for detection."""
    write_json(digest, generate_scenes(output, layout, plan=plan, workers=workers))
