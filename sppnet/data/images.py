"""Reading and resizing of images."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from sppnet.data.decoding import decode, decode_bytes, read_unchanged


def read_image(path: Path | str) -> np.ndarray:
    """Read a picture as upright 8-bit RGB (see `decode` for unusual files).

    Returns:
        uint8 `(H, W, 3)`.

    Raises:
        SppnetError: the file cannot be decoded.
    """
    return decode(Path(path)).pixels


class Listed(Protocol):
    """A picture that a manifest lists."""

    @property
    def path(self) -> str:
        """Its file, or a member of an archive."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 of the file when the manifest was made."""
        ...


def read_listed(picture: Listed) -> np.ndarray:
    """As `read_image`, but only the file that the manifest was made from.

    Sizes, boxes and labels of a manifest are those of one file; another one in its place would
    silently give wrong numbers.

    Raises:
        SppnetError: the file cannot be decoded, or has changed since.
    """
    path = Path(picture.path)
    return decode_bytes(read_unchanged(path, picture.sha256), path).pixels


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize bilinearly without antialiasing.

    Args:
        image: uint8 `(H, W, 3)`.
        height: of the result, pixels.
        width: of the result, pixels.

    Returns:
        uint8 `(height, width, 3)`.

    Source: release spp_features_convX.m (bilinear, antialiasing off).
    """
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))


def resize_shorter_side(image: np.ndarray, size: int) -> np.ndarray:
    """Resize so that the shorter side is `size` pixels, keeping the aspect ratio.

    Args:
        image: uint8 `(H, W, 3)`.
        size: s, shorter side of the result, pixels.

    Returns:
        uint8 `(H', W', 3)`; the longer side is s * longer / shorter, rounded half up.

    Source: paper §3.1; paper §4.1.
    """
    height, width = image.shape[:2]
    shorter = min(height, width)
    # Integers, so that the rounding of halves does not depend on floating point.
    new_height, new_width = (
        (2 * size * side + shorter) // (2 * shorter) for side in (height, width)
    )
    return resize(image, new_height, new_width)
