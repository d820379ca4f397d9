"""generate: an image set made by the project itself, in the layout of a real one."""

from pathlib import Path
from typing import Annotated, TypeVar

from typer import Option

from sppnet.data.scenes import Layout, ScenePlan, generate_scenes
from sppnet.data.store import write_json
from sppnet.errors import SppnetError

Number = TypeVar("Number", int, float)


def run(
    layout: Annotated[Layout, Option(help="Layout of the set; each kind has pictures of its own.")],
    seed: Annotated[int, Option(help="Same seed and settings: same files.")],
    images: Annotated[
        list[int],
        Option(help="Images of each split: train, val; trainval, test; or all of Caltech-101."),
    ],
    sides: Annotated[list[int], Option(help="Shorter side in pixels: lowest, then highest.")],
    aspects: Annotated[list[float], Option(help="Longer over shorter side: lowest, then highest.")],
    object_sides: Annotated[
        list[float],
        Option(help="Longer side of an object over the image's shorter side: lowest, highest."),
    ],
    objects: Annotated[list[int], Option(help="Objects in an image: fewest, then most.")],
    cut: Annotated[float, Option(help="Share of objects that the border may cut off.")],
    quality: Annotated[int, Option(help="JPEG quality, 1 to 100.")],
    output: Annotated[Path, Option(help="Folder to make.")],
    digest: Annotated[Path, Option(help="What was made, with a checksum over all files (.json).")],
    workers: Annotated[int, Option(help="Processes; the files do not depend on it.")] = 1,
) -> None:
    """Draw scenes of eight classes for classification or for detection."""
    plan = ScenePlan(
        sides=_pair("sides", sides),
        aspects=_pair("aspects", aspects),
        objects=_pair("objects", objects),
        object_sides=_pair("object-sides", object_sides),
        cut=cut,
        quality=quality,
    )
    made = generate_scenes(output, layout, seed=seed, images=images, plan=plan, workers=workers)
    write_json(digest, made)


def _pair(flag: str, values: list[Number]) -> tuple[Number, Number]:
    """The two values of a repeated flag."""
    if len(values) != 2:
        raise SppnetError(f"--{flag}: give it twice, lowest first; got {len(values)} values")
    return values[0], values[1]
