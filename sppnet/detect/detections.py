"""The file of detections: scored boxes, with the images searched and the layers scored."""

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
    """Detections, with all images searched and all layers scored, even those without detections.

    Attributes:
        rows: one per detection, with the columns of `COLUMNS`.
        images: names of the images that were searched.
        layers: names of the layers whose SVMs scored the boxes.
    """

    rows: pd.DataFrame
    images: list[str]
    layers: list[str]


def write_detections(
    path: Path, detections: pd.DataFrame, images: Sequence[str], layers: Sequence[str]
) -> None:
    """Write detections to a Parquet file, atomically.

    Args:
        path: the file.
        detections: rows of `detect_image` for all images.
        images: names of the images that were searched.
        layers: names of the layers that were scored.
    """
    detections = detections.copy(deep=False)
    detections.attrs = {"images": list(images), "layers": list(layers)}
    with atomic_path(path) as temporary:
        detections.to_parquet(temporary, index=False)


def read_detections(path: Path) -> Detections:
    """Inverse of `write_detections`.

    Raises:
        SppnetError: the file is missing or is not a file of detections, or has rows of images or
            layers that its metadata does not list.
    """
    try:
        frame = pd.read_parquet(path)
        rows, attributes = frame[COLUMNS], frame.attrs
        searched = {column: list(attributes[f"{column}s"]) for column in ("image", "layer")}
    except (OSError, KeyError, ValueError) as error:
        raise SppnetError(f"{path}: not a file of detections ({error}); run detect again") from None
    for column, names in searched.items():
        unknown = sorted(set(rows[column].unique()) - set(names))
        if unknown:
            raise SppnetError(
                f"{path}: has detections of {column} {unknown[0]}, which its metadata does not "
                "list; run detect again"
            )
    return Detections(rows, searched["image"], searched["layer"])
