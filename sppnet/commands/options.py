"""Options that several commands share: the files that one stage hands to the next."""

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from sppnet.errors import SppnetError


def _check_folder(kind: Any, path: Path) -> None:
    """Refuse a folder that cannot be made or written in, before any work is done for it."""
    _check_inside(path, path)


def _check_file(kind: Any, path: Path) -> None:
    """As `_check_folder`, of a file; one that exists is replaced, whatever its permissions."""
    if path.is_dir():
        raise SppnetError(f"{path}: is a folder; name a file")
    _check_inside(path.parent, path)


def _check_inside(folder: Path, path: Path) -> None:
    first = next(part for part in (folder, *folder.absolute().parents) if os.path.lexists(part))
    if not first.is_dir():
        raise SppnetError(f"{path}: {first} is not a folder; choose another path")
    if not os.access(first, os.W_OK | os.X_OK):
        raise SppnetError(f"{path}: cannot write in {first}; permit it or choose another path")


Written = Annotated[Path, Parameter(validator=_check_file)]
WrittenFolder = Annotated[Path, Parameter(validator=_check_folder)]

Manifest = Annotated[Path, Parameter(help="Manifest of the images.")]
PreparedManifest = Annotated[Written, Parameter(help="Manifest of the usable images (.parquet).")]
Problems = Annotated[
    Written, Parameter(help="Problems of the images, and what was done about each (.csv).")
]
Proposals = Annotated[Path, Parameter(help="Proposals of the split.")]
Weights = Annotated[Path, Parameter(help="Network from pretrain.")]
Work = Annotated[
    WrittenFolder, Parameter(help="Folder for unfinished work, from which a stopped run resumes.")
]
CropWorkers = Annotated[
    int,
    Parameter(
        help="Number of worker processes that cut crops; 0 cuts them in the training process.",
        validator=Number(gte=0),
    ),
]
Workers = Annotated[
    int,
    Parameter(
        help="Number of worker processes; results do not depend on it.", validator=Number(gte=1)
    ),
]
Split = Annotated[str, Parameter(help="Split of the images, e.g. trainval or test.")]
Reference = Annotated[Path, Parameter(help="Paper numbers (.csv).")]
Results = Annotated[Path, Parameter(help="Folder of the tables, e.g. results.")]
Png = Annotated[Written, Parameter(help="Figure (.png).")]
Svg = Annotated[Written, Parameter(help="Figure (.svg).")]
Features = Annotated[
    Written, Parameter(help="Features (.npy), with an index (.parquet) beside them.")
]
Finetuned = Annotated[Written, Parameter(help="Fine-tuned network (.safetensors).")]
History = Annotated[Written, Parameter(help="Loss and error per chunk (.csv).")]
Detections = Annotated[Path, Parameter(help="Detections from detect (.parquet).")]
