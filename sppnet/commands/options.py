"""Options that several commands share: the files that one stage hands to the next."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

Manifest = Annotated[Path, Parameter(help="Manifest of the images.")]
PreparedManifest = Annotated[Path, Parameter(help="Usable images, Parquet.")]
Problems = Annotated[Path, Parameter(help="Problems found, and what was done about each, CSV.")]
Proposals = Annotated[Path, Parameter(help="Proposals of the split.")]
Weights = Annotated[Path, Parameter(help="Network of pretrain.")]
Work = Annotated[Path, Parameter(help="Folder for unfinished work.")]
CropWorkers = Annotated[
    int, Parameter(help="Processes that cut crops; 0 for none.", validator=Number(gte=0))
]
Workers = Annotated[
    int, Parameter(help="Processes; results do not depend on it.", validator=Number(gte=1))
]
Split = Annotated[str, Parameter(help="Split of the images: trainval, test ...")]
Reference = Annotated[Path, Parameter(help="The paper's numbers (.csv).")]
Png = Annotated[Path, Parameter(help="The figure (.png).")]
Svg = Annotated[Path, Parameter(help="The figure (.svg).")]
Features = Annotated[
    Path, Parameter(help="Features (.npy); the index goes beside them (.parquet).")
]
Finetuned = Annotated[Path, Parameter(help="Fine-tuned network.")]
History = Annotated[Path, Parameter(help="Loss and error by chunk (.csv).")]
Detections = Annotated[Path, Parameter(help="Detections of detect (.parquet).")]
