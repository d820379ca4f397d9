"""measure-speed: time per image of several detectors, on the same images in one process."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
from typer import Option

from sppnet.data.images import read_listed
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import write_json
from sppnet.data.subset import subset
from sppnet.detect.rcnn import Warp
from sppnet.detect.regions import load_regions
from sppnet.detect.svm import load_svms
from sppnet.detect.timing import (
    CropPooling,
    MapPooling,
    Pooling,
    Sample,
    TimedDetector,
    fastest_batch,
    measure,
    summarise,
)
from sppnet.errors import SppnetError
from sppnet.geometry.receptive_field import map_geometry
from sppnet.models.clock import describe_machine
from sppnet.models.compute import choose_device
from sppnet.models.weights import load_network

SCOPE = (
    "from the decoded image in memory to the SVM scores of all proposals on fc7; without reading "
    "the image, making proposals, suppression and box regression"
)
NEEDED = {
    "spp": ("name", "weights", "finetuned", "svm", "sizes", "target", "shrink"),
    "rcnn": ("name", "finetuned", "svm", "crop", "context"),
}


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    proposals: Annotated[Path, Option(help="Proposals of test.")],
    column: Annotated[
        list[str],
        Option(
            help="A detector as JSON: name, method, finetuned, svm; spp: weights, sizes, target, "
            "shrink; rcnn: crop, context. Once per detector."
        ),
    ],
    images: Annotated[int, Option(help="Use so many images, of all classes in turn.")],
    repeats: Annotated[int, Option(help="Passes over the images.")],
    batch: Annotated[list[int], Option(help="rcnn: boxes at a time; the fastest given is used.")],
    output: Annotated[Path, Option(help="Times (.json).")],
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Time the conv and fc parts of detectors; other work on the machine spoils the numbers."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    records = subset(read_manifest(manifest, dataset="detection", split="test"), images)
    regions = load_regions(records, proposals, class_list(records))
    samples = [(read_listed(each), each.boxes[each.ground_truth :]) for each in regions]
    detectors, details = {}, {}
    for each in map(read_column, column):
        detectors[each["name"]], used = open_detector(each, samples[0], batch, chosen_device)
        details[each["name"]] = {"batch": used} if used else {}
    times = measure(detectors, samples, repeats=repeats, device=chosen_device)
    write_json(
        output,
        {
            **describe_machine(chosen_device),
            "scope": SCOPE,
            "images": len(samples),
            "repeats": repeats,
            "proposals": sum(len(each) for _, each in samples) / len(samples),
            "columns": {name: details[name] | summarise(times[name]) for name in times},
        },
    )


def read_column(text: str) -> dict[str, Any]:
    """Fields of a column from JSON; those that its method does not need may be null.

    Raises:
        SppnetError: not JSON, unknown method, or a missing field.
    """
    try:
        values = {key: value for key, value in json.loads(text).items() if value is not None}
        missing = [key for key in NEEDED[values["method"]] if key not in values]
    except (ValueError, KeyError, AttributeError) as error:
        raise SppnetError(
            f"--column: {text!r} is not the JSON of a detector ({error}); give name, method ..."
        ) from None
    if missing:
        raise SppnetError(f"--column: {text!r} lacks {', '.join(missing)}; add it")
    return values


def open_detector(
    column: dict[str, Any], sample: Sample, batches: list[int], device: torch.device
) -> tuple[TimedDetector, int | None]:
    """Load a detector; with R-CNN, the batch that it runs fastest with.

    Raises:
        SppnetError: a file cannot be read, or has no SVMs on fc7.
    """
    network = load_network(Path(column["finetuned"]), device)
    svms, _ = load_svms(Path(column["svm"]), device)
    if "ftfc7" not in svms:
        raise SppnetError(f"{column['svm']}: holds no SVMs of ftfc7; run train-svm anew")
    if column["method"] == "rcnn":
        warp = Warp(size=column["crop"], context=column["context"])
        crops = fastest_batch(CropPooling(network, warp, batches[0]), sample, batches, device)
        return TimedDetector(crops, network, svms["ftfc7"]), crops.batch
    pretrained = load_network(Path(column["weights"]), device)
    geometry = map_geometry(pretrained.backbone, shrink=column["shrink"])
    pooling: Pooling = MapPooling(pretrained, geometry, tuple(column["sizes"]), column["target"])
    return TimedDetector(pooling, network, svms["ftfc7"]), None
