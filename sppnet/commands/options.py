"""Options that several commands share: the files that one stage hands to the next."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

Manifest = Annotated[Path, Parameter(help="Manifest of the images.")]
PreparedManifest = Annotated[Path, Parameter(help="Manifest of the usable images (.parquet).")]
Problems = Annotated[
    Path, Parameter(help="Problems of the images, and what was done about each (.csv).")
]
Proposals = Annotated[Path, Parameter(help="Proposals of the split.")]
Weights = Annotated[Path, Parameter(help="Network from pretrain.")]
Work = Annotated[
    Path, Parameter(help="Folder for unfinished work, from which a stopped run resumes.")
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
Png = Annotated[Path, Parameter(help="Figure (.png).")]
Svg = Annotated[Path, Parameter(help="Figure (.svg).")]
Features = Annotated[Path, Parameter(help="Features (.npy), with an index (.parquet) beside them.")]
Finetuned = Annotated[Path, Parameter(help="Fine-tuned network (.safetensors).")]
History = Annotated[Path, Parameter(help="Loss and error per chunk (.csv).")]
Detections = Annotated[Path, Parameter(help="Detections from detect (.parquet).")]
