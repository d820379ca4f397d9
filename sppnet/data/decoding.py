"""Decoding of picture files, in every mode and orientation of photographs."""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from sppnet.data.archives import read_file
from sppnet.errors import SppnetError

# Others are refused: some of Pillow's readers start foreign programs (PostScript).
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
MAXIMUM_PIXELS = 89_000_000
GREY = 128
CURE = "; replace the file or remove it"
SIXTEEN_BIT = "16-bit values cut to 8 bits"
TRANSPARENT = "transparency laid over grey"
CMYK = "CMYK converted without a colour profile"
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded picture, and how it was stored.

    Attributes:
        pixels: uint8 `(H, W, 3)`, RGB, upright.
        file_format: "JPEG", "PNG" ..., from the content.
        conversion: what the conversion to 8-bit RGB has lost; empty for plain pictures.
        orientation: EXIF orientation 1-8; 1 when the pixels were stored upright.
        stored_size: width and height before turning.
    """

    pixels: np.ndarray
    file_format: str
    conversion: str
    orientation: int
    stored_size: tuple[int, int]


def decode(path: Path) -> Decoded:
    """Decode a whole file, or a member of an archive, to upright 8-bit RGB.

    Grey, palette and CMYK become RGB (CMYK without a colour profile); 16-bit values keep their
    upper byte; transparent pixels are laid over mid-grey, which is near zero once a mean is
    subtracted; of an animation, the first frame is taken.

    Args:
        path: a file or a member of an archive, see `archives`.

    Raises:
        SppnetError: the file is missing, empty, broken, cut off, not a picture or too large.
    """
    return decode_bytes(read_picture(path), path)


def read_picture(path: Path) -> bytes:
    """The bytes of a picture file or of a member of an archive.

    Raises:
        SppnetError: there is none, or it cannot be read.
    """
    try:
        return read_file(path)
    except OSError as error:
        raise SppnetError(f"{path}: cannot be read ({error}){CURE}") from None


def read_unchanged(path: Path, expected: str) -> bytes:
    """As `read_picture`, but only the bytes that the manifest was made from.

    Args:
        path: a file or a member of an archive, see `archives`.
        expected: SHA-256 of the file in the manifest.

    Raises:
        SppnetError: there is none, it cannot be read, or it is another file.
    """
    data = read_picture(path)
    if sha256(data).hexdigest() != expected:
        raise SppnetError(
            f"{path}: has changed since its manifest was made; put the file back, or have its set "
            "read anew: run snakemake again (ImageNet: with --forcerun prepare_imagenet; a "
            "generated set: --forcerun generate)"
        )
    return data


def decode_bytes(data: bytes, path: Path) -> Decoded:
    """As `decode`, for a file that has been read; `path` only names it in errors."""
    try:
        if not data:
            raise ValueError("empty file")
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return _decode(image)
    except UnidentifiedImageError:
        raise SppnetError(f"{path}: not a picture ({', '.join(FORMATS)}){CURE}") from None
    # A broken file makes decoders raise nearly anything, from struct.error to MemoryError.
    except Exception as error:
        raise SppnetError(f"{path}: cannot be read ({error}){CURE}") from None


def _decode(image: Image.Image) -> Decoded:
    width, height = image.size
    if width * height > MAXIMUM_PIXELS:
        raise ValueError(f"{width}x{height} is over the limit of {MAXIMUM_PIXELS} pixels")
    image.load()
    # After loading, because Pillow turns a TIFF itself and then resets its orientation.
    orientation = _orientation(image)
    turn = TURNS.get(orientation)
    conversion = _conversion(image)
    pixels = _pixels(image if turn is None else image.transpose(turn), conversion)
    # JPEGs of several frames, as phones write them, are still JPEGs.
    file_format = "JPEG" if image.format == "MPO" else str(image.format)
    return Decoded(pixels, file_format, conversion, orientation, image.size)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a picture with broken EXIF data is still usable
        return 1
    return int(value) if value in TURNS else 1


def _conversion(image: Image.Image) -> str:
    if image.mode.startswith(("I", "F")):
        return SIXTEEN_BIT
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return TRANSPARENT
    return CMYK if image.mode == "CMYK" else ""


def _pixels(image: Image.Image, conversion: str) -> np.ndarray:
    if conversion == SIXTEEN_BIT:
        return _upper_byte(image)
    if conversion == TRANSPARENT:
        return _over_grey(image)
    return np.array(image.convert("RGB"))


def _upper_byte(image: Image.Image) -> np.ndarray:
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError("pixels of 32 bits have no fixed range; save it with 8 bits")
    grey = (values.astype(np.uint16) >> 8).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _over_grey(image: Image.Image) -> np.ndarray:
    grey = Image.new("RGBA", image.size, (GREY, GREY, GREY, 255))
    return np.array(Image.alpha_composite(grey, image.convert("RGBA")).convert("RGB"))


def upright_boxes(boxes: np.ndarray, orientation: int, stored_size: tuple[int, int]) -> np.ndarray:
    """Boxes on the stored pixels, converted to the upright picture.

    Args:
        boxes: `(R, 4)`, x1 y1 x2 y2 half-open, in pixels as stored.
        orientation: EXIF orientation 1-8.
        stored_size: width and height before turning.

    Returns:
        `(R, 4)`, half-open, in upright pixels.
    """
    width, height = stored_size
    x1, y1, x2, y2 = boxes.T
    if orientation >= 5:
        x1, y1, x2, y2 = y1, x1, y2, x2
        width, height = height, width
    if orientation in (2, 3, 6, 7):
        x1, x2 = width - x2, width - x1
    if orientation in (3, 4, 7, 8):
        y1, y2 = height - y2, height - y1
    return np.stack([x1, y1, x2, y2], axis=1)
