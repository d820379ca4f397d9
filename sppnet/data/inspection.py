"""Every picture is decoded once at preparation, so that broken ones are found early."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sppnet.data.decoding import CURE, Decoded, decode_bytes, read_picture
from sppnet.data.manifest import Problem
from sppnet.errors import SppnetError
from sppnet.progress import track

# Below it there is nothing to pool; above it the longer side, once resized, exceeds memory.
MINIMUM_SIDE = 16
MAXIMUM_ASPECT = 20
SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".ppm": "PPM",
    ".pgm": "PPM",
}


@dataclass(frozen=True)
class Inspection:
    """The result of decoding a file.

    Attributes:
        path: the file.
        usable: whether later stages can work with it.
        size: width and height in pixels, upright.
        stored_size: the same before turning by EXIF.
        orientation: EXIF orientation 1-8.
        sha256: of the file.
        problems: what to report about it.
    """

    path: Path
    usable: bool = False
    size: tuple[int, int] = (0, 0)
    stored_size: tuple[int, int] = (0, 0)
    orientation: int = 1
    sha256: str = ""
    problems: list[Problem] = field(default_factory=list)


def inspect_images(paths: Sequence[Path], *, workers: int, description: str) -> list[Inspection]:
    """Decode every file in full.

    Args:
        paths: picture files.
        workers: processes; 1 works in this one.
        description: name of the progress bar.

    Returns:
        One inspection per path, in their order.

    Raises:
        SppnetError: a worker died.
    """
    return list(iterate_inspections(paths, workers=workers, description=description))


def iterate_inspections(
    paths: Sequence[Path], *, workers: int, description: str
) -> Iterator[Inspection]:
    """As `inspect_images`, one at a time, in order."""
    if workers == 1:
        yield from track(map(inspect_image, paths), description, len(paths))
        return
    try:
        yield from track(_inspect_in_processes(paths, workers), description, len(paths))
    except BrokenProcessPool:
        raise SppnetError(
            f"--workers {workers}: a process died, perhaps for want of memory; use fewer"
        ) from None


def _inspect_in_processes(paths: Sequence[Path], workers: int) -> Iterator[Inspection]:
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(inspect_image, paths, chunksize=16)


def inspect_image(path: Path) -> Inspection:
    """Decode a file and say what is wrong with it; never raises for a bad file."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return _left_out(path, "file name is not UTF-8")
    try:
        data = read_picture(path)
        decoded = decode_bytes(data, path)
    except SppnetError as error:
        return _left_out(path, str(error).removeprefix(f"{path}: ").removesuffix(CURE))
    height, width = decoded.pixels.shape[:2]
    if min(height, width) < MINIMUM_SIDE:
        return _left_out(path, f"{width}x{height}: a side is under {MINIMUM_SIDE} pixels")
    if max(height, width) > MAXIMUM_ASPECT * min(height, width):
        return _left_out(
            path, f"{width}x{height}: one side is over {MAXIMUM_ASPECT} times the other"
        )
    return Inspection(
        path=path,
        usable=True,
        size=(width, height),
        stored_size=decoded.stored_size,
        orientation=decoded.orientation,
        sha256=sha256(data).hexdigest(),
        problems=list(_remarks(path, decoded)),
    )


def _left_out(path: Path, problem: str) -> Inspection:
    return Inspection(path, problems=[Problem(str(path), problem, "image left out")])


def _remarks(path: Path, decoded: Decoded) -> Iterator[Problem]:
    expected = SUFFIXES.get(path.suffix.lower(), decoded.file_format)
    if decoded.file_format != expected:
        problem = f"{decoded.file_format} file named {path.suffix}"
        yield Problem(str(path), problem, "kept, read by its content")
    if decoded.conversion:
        yield Problem(str(path), "not plain 8-bit RGB or grey", f"kept, {decoded.conversion}")
