"""generate: image sets made by the project itself, in the layouts of the real ones."""

from pathlib import Path
from typing import Annotated, TypeVar

from typer import Option

from sppnet.data.scenes import SETS, ScenePlan, generate_scenes
from sppnet.data.shapes import CLASSES
from sppnet.data.store import write_json
from sppnet.errors import SppnetError

Number = TypeVar("Number", int, float)


def run(
    seed: Annotated[int, Option(help="Same seed and settings: same files.")],
    classification_train: Annotated[int, Option(help="Images of ImageFolder/train.")],
    classification_validation: Annotated[int, Option(help="Images of ImageFolder/val.")],
    detection_trainval: Annotated[int, Option(help="Images of VOC2007 trainval.")],
    detection_test: Annotated[int, Option(help="Images of VOC2007 test.")],
    caltech_per_class: Annotated[int, Option(help="Images of each class of caltech101.")],
    classification_sides: Annotated[
        list[int], Option(help="Shorter side in pixels: lowest, then highest.")
    ],
    detection_sides: Annotated[
        list[int], Option(help="Shorter side in pixels: lowest, then highest.")
    ],
    aspects: Annotated[list[float], Option(help="Longer over shorter side: lowest, then highest.")],
    classification_object_sides: Annotated[
        list[float],
        Option(help="Longer side of an object over the image's shorter side: lowest, highest."),
    ],
    detection_object_sides: Annotated[
        list[float],
        Option(help="Longer side of an object over the image's shorter side: lowest, highest."),
    ],
    detection_objects: Annotated[list[int], Option(help="Objects in an image: fewest, then most.")],
    detection_cut: Annotated[float, Option(help="Share of objects that the border may cut off.")],
    quality: Annotated[int, Option(help="JPEG quality, 1 to 100.")],
    output: Annotated[Path, Option(help="Folder to make; each set gets a folder in it.")],
    digest: Annotated[Path, Option(help="What was made, with a checksum over all files (.json).")],
    workers: Annotated[int, Option(help="Processes; the files do not depend on it.")] = 1,
) -> None:
    """Draw scenes of eight classes for classification and for detection."""
    counts = (
        classification_train,
        classification_validation,
        detection_trainval,
        detection_test,
        caltech_per_class * len(CLASSES),
    )
    shape = _pair("aspects", aspects)
    classification = ScenePlan(
        sides=_pair("classification-sides", classification_sides),
        aspects=shape,
        objects=(1, 1),
        object_sides=_pair("classification-object-sides", classification_object_sides),
        cut=0.0,
        quality=quality,
    )
    detection = ScenePlan(
        sides=_pair("detection-sides", detection_sides),
        aspects=shape,
        objects=_pair("detection-objects", detection_objects),
        object_sides=_pair("detection-object-sides", detection_object_sides),
        cut=detection_cut,
        quality=quality,
    )
    made = generate_scenes(
        output,
        seed=seed,
        images=dict(zip(SETS, counts, strict=True)),
        classification=classification,
        detection=detection,
        workers=workers,
    )
    write_json(digest, made)


def _pair(flag: str, values: list[Number]) -> tuple[Number, Number]:
    """The two values of a repeated flag."""
    if len(values) != 2:
        raise SppnetError(f"--{flag}: give it twice, lowest first; got {len(values)} values")
    return values[0], values[1]
