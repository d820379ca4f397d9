"""detect: score the proposals of the test images, suppress overlaps, move the boxes."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
from cyclopts import Parameter

from sppnet.commands.options import Manifest, Proposals, Work, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import atomic_path, restart_directory, write_parts
from sppnet.data.subset import subset
from sppnet.detect.bbox_regression import load_regressors
from sppnet.detect.detections import write_detections
from sppnet.detect.detector import Detector, detect_image
from sppnet.detect.regions import ImageRegions, load_regions
from sppnet.detect.settings import Detection, Subset
from sppnet.detect.sources import Sources, open_features
from sppnet.detect.svm import load_svms
from sppnet.errors import SppnetError
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference

IMAGES_PER_PART = 20


def run(
    *,
    manifest: Manifest,
    proposals: Proposals,
    sources: Sources,
    svm: Annotated[Path, Parameter(help="SVMs from train-svm.")],
    bbox: Annotated[Path, Parameter(help="Regressors from train-bbox.")],
    part: Subset = Subset(),
    detection: Detection,
    work: Work,
    output: Annotated[Written, Parameter(help="Detections (.parquet).")],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Detect objects of all classes in the test images, with the SVMs of every layer."""
    device = compute.start()
    settings = sources.settings() | part.model_dump() | detection.model_dump()
    settings |= inference.model_dump()
    inputs = [manifest, proposals, svm, bbox, *sources.files()]
    restart = restart_directory(work, settings | compute.numerics_key(), inputs)
    svms, classes = load_svms(svm, device)
    regressors, regressed = load_regressors(bbox, device)
    if regressed != classes:
        raise SppnetError(f"{bbox}: other classes than {svm}; train both on the same manifest")
    detector = Detector(open_features(sources, device, inference), svms, regressors, classes)
    records = subset(read_manifest(manifest, dataset="detection", split="test"), part.images)
    regions = load_regions(records, proposals, classes)
    frames = detect_parts(regions, detector, detection, restart)
    detections = pd.concat(frames, ignore_index=True)
    write_detections(output, detections, [record.image for record in records], list(svms))
    shutil.rmtree(restart)


def detect_parts(
    regions: Sequence[ImageRegions],
    detector: Detector,
    detection: Detection,
    restart: Path,
) -> list[pd.DataFrame]:
    """Detections of all images, in parts from which a stopped run resumes."""

    def write(part: Sequence[ImageRegions], path: Path) -> None:
        frames = [detect_image(image, detector, detection) for image in part]
        with atomic_path(path) as temporary:
            pd.concat(frames, ignore_index=True).to_parquet(temporary, index=False)

    parts = write_parts(
        regions, IMAGES_PER_PART, write, restart=restart, suffix=".parquet", task="detection"
    )
    return [pd.read_parquet(path) for path in parts]
