"""measure-speed: time per image of several detectors, on the same images in one process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from sppnet.commands.options import Manifest, Proposals, Written
from sppnet.config.requests import read_request
from sppnet.data.images import read_listed
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import write_json
from sppnet.data.subset import subset
from sppnet.detect.regions import load_regions
from sppnet.detect.requests import TimedColumn, TimedColumns
from sppnet.detect.settings import DetectionTiming
from sppnet.detect.svm import load_svms
from sppnet.detect.timing import (
    CropPooling,
    ImagePooling,
    Sample,
    TimedDetector,
    fastest_batch,
    measure,
    summarise,
)
from sppnet.errors import SppnetError
from sppnet.geometry.receptive_field import map_geometry
from sppnet.models.clock import describe_machine
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network

SCOPE = (
    "from the decoded image in memory to the SVM scores of all proposals on fc7; without reading "
    "the image, making proposals, suppression and box regression"
)


def run(
    *,
    manifest: Manifest,
    proposals: Proposals,
    columns: Annotated[
        Path,
        Parameter(help="Name, networks, SVMs and pooling or warping of each detector (.json)."),
    ],
    timing: DetectionTiming,
    output: Annotated[Written, Parameter(help="Times (.json).")],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Measure the time per image of several detectors, on an otherwise idle machine."""
    device = compute.start()
    requested = read_request(columns, TimedColumns).columns
    records = subset(read_manifest(manifest, dataset="detection", split="test"), timing.images)
    regions = load_regions(records, proposals, class_list(records))
    samples = [(read_listed(image), image.boxes[image.ground_truth :]) for image in regions]
    detectors, details = {}, {}
    for column in requested:
        detectors[column.name], used = open_detector(
            column, samples[0], timing.batch, device, inference
        )
        details[column.name] = {"batch": used} if used else {}
    times = measure(detectors, samples, repeats=timing.repeats, device=device)
    write_json(
        output,
        {
            **describe_machine(device),
            **inference.model_dump(),
            "scope": SCOPE,
            "images": len(samples),
            "repeats": timing.repeats,
            "proposals": sum(len(boxes) for _, boxes in samples) / len(samples),
            "columns": {name: details[name] | summarise(times[name]) for name in times},
        },
    )


def open_detector(
    column: TimedColumn,
    sample: Sample,
    batches: Sequence[int],
    device: torch.device,
    inference: Inference = Inference(),
) -> tuple[TimedDetector, int | None]:
    """Load a detector; with R-CNN, the batch that it runs fastest with.

    Raises:
        SppnetError: a file cannot be read, or has no SVMs on fc7.
    """
    network = load_network(column.finetuned, device, inference)
    svms, _ = load_svms(column.svm, device)
    if "ftfc7" not in svms:
        raise SppnetError(f"{column.svm}: holds no SVMs of ftfc7; run train-svm again")
    if column.warp is not None:
        pooling = CropPooling(network, column.warp, batches[0])
        fastest = fastest_batch(pooling, sample, batches, device)
        return TimedDetector(fastest, network, svms["ftfc7"]), fastest.batch
    assert column.pooling is not None  # a column has one of the two
    pretrained = load_network(column.weights, device, inference)
    geometry = map_geometry(pretrained.backbone, shrink=column.pooling.shrink)
    maps = ImagePooling(pretrained, geometry, column.pooling.scales, column.pooling.target)
    return TimedDetector(maps, network, svms["ftfc7"]), None
