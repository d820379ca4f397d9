"""train-bbox: bounding-box regressors of all classes."""

import shutil
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Manifest, Proposals, Work, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory
from sppnet.data.subset import subset
from sppnet.detect.bbox_regression import fit_regressors, save_regressors
from sppnet.detect.regions import load_regions
from sppnet.detect.settings import BoxRegression, Subset
from sppnet.detect.sources import Sources, open_features
from sppnet.detect.svm import feature_scales
from sppnet.models.compute import Compute


def run(
    *,
    manifest: Manifest,
    proposals: Proposals,
    sources: Sources,
    part: Subset = Subset(),
    regression: BoxRegression,
    work: Work,
    output: Annotated[Written, Parameter(help="Box regressors of all classes (.safetensors).")],
    compute: Compute = Compute(),
) -> None:
    """Train one bounding-box regressor per class on pooled conv5 features."""
    device = compute.start()
    settings = sources.settings() | part.model_dump() | regression.model_dump()
    inputs = [manifest, proposals, *sources.files()]
    restart = restart_directory(work, settings | compute.numerics_key(), inputs)
    opened = open_features(sources, device)
    classes = opened.finetuned.architecture.classes
    records = read_manifest(manifest, dataset="detection", split="trainval")
    regions = load_regions(subset(records, part.images), proposals, classes)
    scales = feature_scales(
        regions, lambda image, rows: {"pool5": opened.regression_features(image, rows)}, regression
    )
    regressors, pairs = fit_regressors(
        regions,
        opened.finetuned_source,
        classes,
        scale=scales["pool5"],
        regression=regression,
        restart=restart,
    )
    save_regressors(output, regressors, pairs)
    shutil.rmtree(restart)
