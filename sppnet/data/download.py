"""VOC 2007 and Imagenette from their publishers, through torchvision's checksums."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tarfile import TarError

from torchvision.datasets import Imagenette, VOCDetection

from sppnet.errors import SppnetError, unreadable_refused

# The shorter side is 320 pixels, more than the training size of any network here.
IMAGENETTE_SIZE, IMAGENETTE_NAME = "320px", "imagenette2-320"
NAMES_SHOWN = 3  # of a folder that lies there already


def download_voc(root: Path) -> None:
    """Fetch VOC 2007, training and test images.

    Args:
        root: folder to make, with Annotations, ImageSets and JPEGImages.

    Raises:
        SppnetError: `root` exists, or an archive cannot be fetched.
    """
    with _download_folder(root, "Annotations, ImageSets and JPEGImages of VOC 2007") as folder:
        for split in ("trainval", "test"):  # an archive each, into one folder
            VOCDetection(folder, year="2007", image_set=split, download=True)
        (folder / "VOCdevkit" / "VOC2007").rename(root)


def download_imagenette(root: Path) -> None:
    """Fetch Imagenette.

    Args:
        root: folder to make, with train and val.

    Raises:
        SppnetError: `root` exists, or the archive cannot be fetched.
    """
    with _download_folder(root, "train/<class>/ and val/<class>/ with pictures") as folder:
        # torchvision takes a half-unpacked folder for a complete one.
        shutil.rmtree(folder / IMAGENETTE_NAME, ignore_errors=True)
        Imagenette(folder, split="train", size=IMAGENETTE_SIZE, download=True)
        (folder / IMAGENETTE_NAME).rename(root)


@unreadable_refused()
def refuse_existing(root: Path) -> None:
    """Refuse to download to where something lies, be it a link that leads nowhere.

    Raises:
        SppnetError: something lies there; the message says what.
    """
    if not os.path.lexists(root):
        return
    names = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    contents = f"a folder with {', '.join(names[:NAMES_SHOWN])}{more}" if names else "empty"
    raise SppnetError(
        f"{root}: exists already ({contents if root.is_dir() else 'no folder'}) and is left alone; "
        "name a new folder, or use what is there in the configuration"
    )


@contextmanager
def _download_folder(root: Path, contents: str) -> Iterator[Path]:
    """A folder beside `root` to unpack in; kept after a failure, with the archives in it."""
    refuse_existing(root)
    folder = root.parent / f".{root.name}.download"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except (OSError, RuntimeError, HTTPException, TarError) as error:
        reason = " ".join(str(error).split())
        raise SppnetError(
            f"{root}: download failed ({reason}); try again, or put {contents} there by hand"
        ) from None
    shutil.rmtree(folder)
