"""The file of detections: rows of boxes with scores, and what was searched for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError

BOX, REGRESSED_BOX = ["x1", "y1", "x2", "y2"], ["rx1", "ry1", "rx2", "ry2"]
COLUMNS = ["layer", "class_name", "image", "score", *BOX, *REGRESSED_BOX]


@dataclass(frozen=True, eq=False)
class Detections:
    """Detections, and the images and layers in some of which nothing may have been found.

    Attributes:
        rows: one per detection, with the columns of `COLUMNS`.
        images: names of the images that were searched.
        layers: names of the layers whose SVMs scored the boxes.
    """

    rows: pd.DataFrame
    images: list[str]
    layers: list[str]


def write_detections(
    path: Path, found: pd.DataFrame, images: Sequence[str], layers: Sequence[str]
) -> None:
    """Write detections to a Parquet file, atomically.

    Args:
        path: the file.
        found: as `detect_image` gives them, of all images.
        images: names of the images that were searched.
        layers: names of the layers that were scored.
    """
    found = found.copy(deep=False)
    found.attrs = {"images": list(images), "layers": list(layers)}
    with atomic_path(path) as temporary:
        found.to_parquet(temporary, index=False)


def read_detections(path: Path) -> Detections:
    """Inverse of `write_detections`.

    Raises:
        SppnetError: the file is missing or something else, or has rows of layers or images that
            it does not name.
    """
    try:
        found = pd.read_parquet(path)
        rows, attributes = found[COLUMNS], found.attrs
        known = {column: list(attributes[f"{column}s"]) for column in ("image", "layer")}
    except (OSError, KeyError, ValueError) as error:
        raise SppnetError(f"{path}: not a file of detections ({error}); run detect anew") from None
    for column, names in known.items():
        unknown = sorted(set(rows[column].unique()) - set(names))
        if unknown:
            raise SppnetError(
                f"{path}: has detections of {column} {unknown[0]}, which it does not say was "
                "searched; run detect anew"
            )
    return Detections(rows, known["image"], known["layer"])
