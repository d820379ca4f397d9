"""train-svm: linear SVMs of all layers and classes, with hard negative mining."""

import shutil
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Manifest, Proposals, Work, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.data.subset import subset
from sppnet.detect.features import LAYERS, MapFeatures
from sppnet.detect.mining import train_svms
from sppnet.detect.regions import load_regions
from sppnet.detect.settings import Subset, Svm
from sppnet.detect.sources import Sources, open_features
from sppnet.detect.svm import save_svms
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference


def run(
    *,
    manifest: Manifest,
    proposals: Proposals,
    sources: Sources,
    part: Subset = Subset(),
    svm: Svm,
    work: Work,
    output: Annotated[Written, Parameter(help="SVMs of all layers (.safetensors).")],
    report: Annotated[
        Written, Parameter(help="Numbers of samples and trainings by layer and class (.json).")
    ],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Train one linear SVM per class and layer, with hard negative mining."""
    device = compute.start()
    settings = sources.settings() | part.model_dump() | svm.model_dump() | inference.model_dump()
    inputs = [manifest, proposals, *sources.files()]
    restart = restart_directory(work, settings | compute.numerics_key(), inputs)
    opened = open_features(sources, device, inference)
    classes = opened.finetuned.architecture.classes
    records = read_manifest(manifest, dataset="detection", split="trainval")
    maps = opened.source if isinstance(opened.source, MapFeatures) else None
    svms, counts = train_svms(
        load_regions(subset(records, part.images), proposals, classes),
        partial(opened.layers, names=LAYERS),
        classes,
        svm=svm,
        restart=restart,
        window_keys=maps.window_keys if maps else None,
    )
    write_json(report, counts)
    save_svms(output, svms, classes)
    shutil.rmtree(restart)
