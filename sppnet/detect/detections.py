"""The file of detections: rows of boxes with scores, and which images were searched for them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sppnet.data.store import atomic_path
from sppnet.errors import SppnetError

BOX, REGRESSED_BOX = ["x1", "y1", "x2", "y2"], ["rx1", "ry1", "rx2", "ry2"]
COLUMNS = ["layer", "class_name", "image", "score", *BOX, *REGRESSED_BOX]


def write_detections(path: Path, found: pd.DataFrame, images: Sequence[str]) -> None:
    """Write detections to a Parquet file, atomically.

    Args:
        path: the file.
        found: as `detect_image` gives them, of all images.
        images: names of the images that were searched; in some nothing may have been found.
    """
    found = found.copy(deep=False)
    found.attrs = {"images": list(images)}
    with atomic_path(path) as temporary:
        found.to_parquet(temporary, index=False)


def read_detections(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Inverse of `write_detections`: the rows, and the images that were searched.

    Raises:
        SppnetError: the file is missing or something else.
    """
    try:
        found = pd.read_parquet(path)
        return found[COLUMNS], list(found.attrs["images"])
    except (OSError, KeyError, ValueError) as error:
        raise SppnetError(f"{path}: not a file of detections ({error}); run detect anew") from None
