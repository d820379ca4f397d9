"""generate: a generated image set, in the layout of a real one."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Workers, Written, WrittenFolder
from sppnet.data.scenes import generate_scenes
from sppnet.data.settings import Layout, ScenePlan
from sppnet.data.store import write_json


def run(
    *,
    layout: Annotated[
        Layout, Parameter(help="Layout of the image set; the images differ between layouts.")
    ],
    plan: ScenePlan,
    output: Annotated[WrittenFolder, Parameter(help="Folder to create.")],
    digest: Annotated[
        Written, Parameter(help="Summary of the set, with a checksum of all files (.json).")
    ],
    workers: Workers = 1,
) -> None:
    """Generate an image set for classification or transfer (24 classes) or for detection (8)."""
    write_json(digest, generate_scenes(output, layout, plan=plan, workers=workers))
