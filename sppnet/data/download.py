"""VOC 2007 and Imagenette from their publishers, through torchvision's checksums."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tarfile import TarError

from torchvision.datasets import Imagenette, VOCDetection

from sppnet.errors import SppnetError

# The shorter side is 320 pixels, more than any network here is trained on.
IMAGENETTE_SIZE, IMAGENETTE_NAME = "320px", "imagenette2-320"


def download_voc(root: Path, splits: tuple[str, ...]) -> None:
    """Fetch the VOC 2007 archives whose lists are missing below `root`.

    Args:
        root: folder that gets Annotations, ImageSets and JPEGImages.
        splits: names of lists; "test" is in one archive, "train", "val", "trainval" in another.

    Raises:
        SppnetError: an unofficial list is missing, or an archive cannot be fetched.
    """
    for split in splits:
        if (root / "ImageSets" / "Main" / f"{split}.txt").is_file():
            continue
        if split not in ("train", "val", "trainval", "test"):
            raise SppnetError(f"{root}: no list {split!r}, and VOC 2007 has none of that name")
        with _workplace(root, "Annotations, ImageSets and JPEGImages of VOC 2007") as place:
            VOCDetection(place, year="2007", image_set=split, download=True)
            _move(place / "VOCdevkit" / "VOC2007", root, last="ImageSets")


def download_imagenette(root: Path) -> None:
    """Fetch Imagenette where `root` lacks train or val.

    Raises:
        SppnetError: the archive cannot be fetched.
    """
    missing = [split for split in ("train", "val") if not (root / split).is_dir()]
    if not missing:
        return
    with _workplace(root, "train/<class>/ and val/<class>/ with pictures") as place:
        # torchvision takes a half-unpacked folder for a whole one.
        shutil.rmtree(place / IMAGENETTE_NAME, ignore_errors=True)
        Imagenette(place, split="train", size=IMAGENETTE_SIZE, download=True)
        root.mkdir(parents=True, exist_ok=True)
        for split in missing:
            (place / IMAGENETTE_NAME / split).rename(root / split)


@contextmanager
def _workplace(root: Path, contents: str) -> Iterator[Path]:
    """A folder beside `root` to unpack in; kept after a failure, for the archive it holds."""
    place = root.parent / f".{root.name}.download"
    try:
        place.mkdir(parents=True, exist_ok=True)
        yield place
    except (OSError, RuntimeError, HTTPException, TarError) as error:
        raise SppnetError(
            f"{root}: download failed ({error}); try again, or put {contents} there by hand"
        ) from None
    shutil.rmtree(place)


def _move(source: Path, target: Path, *, last: str) -> None:
    """Move a tree into another; files below `last` follow when all others are in place."""
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: (path.parts[0] == last, path)):
        destination = target / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        (source / path).replace(destination)
