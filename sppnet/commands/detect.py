"""detect: score the proposals of the test images, suppress overlaps, move the boxes."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from typer import Option

from sppnet.data.manifest import read_manifest
from sppnet.data.store import atomic_path, restart_directory, write_parts
from sppnet.data.subset import subset
from sppnet.detect.bbox_regression import load_regressors
from sppnet.detect.detections import write_detections
from sppnet.detect.detector import DetectionSettings, Detector, detect_image
from sppnet.detect.regions import ImageRegions, load_regions
from sppnet.detect.sources import Method, Sources, open_features
from sppnet.detect.svm import load_svms
from sppnet.errors import SppnetError
from sppnet.models.compute import choose_device, numerics_key

IMAGES_PER_PART = 20


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    proposals: Annotated[Path, Option(help="Proposals of test.")],
    method: Annotated[Method, Option(help="spp (pooled maps) or rcnn (warped boxes).")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    finetuned: Annotated[Path, Option(help="Network of finetune or finetune-rcnn.")],
    features: Annotated[list[Path], Option(help="spp: maps, once per size; rcnn: box features.")],
    svm: Annotated[Path, Option(help="SVMs of train-svm.")],
    bbox: Annotated[Path, Option(help="Regressors of train-bbox.")],
    minimum_score: Annotated[float, Option(help="Only boxes that score higher.")],
    nms: Annotated[float, Option(help="Overlap with a better box above which a box goes.")],
    top: Annotated[int, Option(help="Most boxes per class and image.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="Detections (.parquet).")],
    sizes: Annotated[list[int] | None, Option(help="spp: shorter sides, as --features.")] = None,
    target: Annotated[float | None, Option(help="spp: side of a box on its scale.")] = None,
    shrink: Annotated[float | None, Option(help="spp: pixels a box shrinks on the map.")] = None,
    finetuned_features: Annotated[
        Path | None, Option(help="rcnn: box features of the fine-tuned network.")
    ] = None,
    images: Annotated[
        int | None, Option(help="Use so many images, of all classes in turn.")
    ] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Detect the objects of every class in the test images, with the SVMs of every layer."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    sources = Sources(
        method, weights, finetuned, features, sizes or (), target, shrink, finetuned_features
    )
    detection = DetectionSettings(minimum_score, nms, top)
    settings = {
        "sources": sources.settings(),
        "detection": asdict(detection),
        "images": images,
        **numerics_key(chosen_device, threads),
    }
    inputs = [manifest, proposals, svm, bbox, *sources.files()]
    restart = restart_directory(work, settings, inputs)
    svms, classes = load_svms(svm, chosen_device)
    regressors, regressed = load_regressors(bbox, chosen_device)
    if regressed != classes:
        raise SppnetError(f"{bbox}: other classes than {svm}; train both on the same manifest")
    detector = Detector(open_features(sources, chosen_device), svms, regressors, classes)
    records = subset(read_manifest(manifest, dataset="detection", split="test"), images)
    regions = load_regions(records, proposals, classes)
    frames = detect_parts(regions, detector, detection, restart)
    found = pd.concat(frames, ignore_index=True)
    write_detections(output, found, [record.image for record in records], list(svms))
    shutil.rmtree(restart)


def detect_parts(
    regions: Sequence[ImageRegions],
    detector: Detector,
    settings: DetectionSettings,
    restart: Path,
) -> list[pd.DataFrame]:
    """Detections of all images, in parts that a killed run finds again."""

    def write(part: Sequence[ImageRegions], path: Path) -> None:
        found = [detect_image(each, detector, settings) for each in part]
        with atomic_path(path) as temporary:
            pd.concat(found, ignore_index=True).to_parquet(temporary, index=False)

    parts = write_parts(
        regions, IMAGES_PER_PART, write, restart=restart, suffix=".parquet", task="detection"
    )
    return [pd.read_parquet(path) for path in parts]
