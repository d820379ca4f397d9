"""download: VOC 2007 and Imagenette from their publishers, checked against published checksums."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.errors import SppnetError


def run(
    *,
    voc: Annotated[
        Path | None, Parameter(help="Folder to create for VOC 2007, e.g. data/VOCdevkit/VOC2007.")
    ] = None,
    imagenette: Annotated[
        Path | None, Parameter(help="Folder to create for Imagenette, with train/ and val/.")
    ] = None,
) -> None:
    """Download VOC 2007 and Imagenette into new folders."""
    if voc is None and imagenette is None:
        raise SppnetError("download: nothing to fetch; give --voc FOLDER or --imagenette FOLDER")
    # Here, because it needs torchvision, which takes seconds to load.
    from sppnet.data.download import download_imagenette, download_voc, refuse_existing

    for root in filter(None, (voc, imagenette)):  # both, before the first takes its time
        refuse_existing(root)
    if voc is not None:
        download_voc(voc)
    if imagenette is not None:
        download_imagenette(imagenette)
