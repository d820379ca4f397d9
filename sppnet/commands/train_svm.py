"""train-svm: linear SVMs of all layers and classes, with mined hard negatives."""

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
from typer import Option

from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.data.subset import subset
from sppnet.detect.features import LAYERS, MapFeatures
from sppnet.detect.mining import MiningSettings, train_svms
from sppnet.detect.regions import load_regions
from sppnet.detect.sources import Method, Sources, open_features
from sppnet.detect.svm import Scaling, SvmSettings, save_svms
from sppnet.models.network import choose_device, numerics_key


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    proposals: Annotated[Path, Option(help="Proposals of trainval.")],
    method: Annotated[Method, Option(help="spp (pooled maps) or rcnn (warped boxes).")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    finetuned: Annotated[Path, Option(help="Network of finetune or finetune-rcnn.")],
    features: Annotated[list[Path], Option(help="spp: maps, once per size; rcnn: box features.")],
    cost: Annotated[float, Option(help="C, weight of the hinge losses.")],
    bias: Annotated[float, Option(help="Constant feature that carries the bias.")],
    positive_weight: Annotated[float, Option(help="Factor on the losses of positives.")],
    tolerance: Annotated[float, Option(help="Violation of optimality at which to stop.")],
    negative_iou: Annotated[float, Option(help="Overlap that negatives stay below.")],
    duplicates: Annotated[
        Literal["overlap", "cells", "none"], Option(help="Which repeated negatives are dropped.")
    ],
    duplicate_iou: Annotated[float, Option(help="overlap: drop above this IoU.")],
    hard_threshold: Annotated[float, Option(help="Negatives scoring above it are added.")],
    evict_threshold: Annotated[float, Option(help="Negatives scoring below it are dropped.")],
    retrain_after: Annotated[int, Option(help="New negatives after which a class is retrained.")],
    target_norm: Annotated[float, Option(help="Mean norm of the scaled features.")],
    stats_images: Annotated[int, Option(help="Images that the mean norm is measured on.")],
    stats_boxes: Annotated[int, Option(help="Boxes of each of them.")],
    seed: Annotated[int, Option(help="Seed of everything random.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="SVMs of all layers.")],
    report: Annotated[Path, Option(help="Samples and trainings by layer and class (.json).")],
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
    """Train one linear SVM per class and layer, adding hard negatives image by image."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    sources = Sources(
        method, weights, finetuned, features, sizes or (), target, shrink, finetuned_features
    )
    mining = MiningSettings(
        negative_iou, duplicates, duplicate_iou, hard_threshold, evict_threshold, retrain_after
    )
    svm = SvmSettings(cost, bias, positive_weight, tolerance, seed)
    scaling = Scaling(target_norm, stats_images, stats_boxes, seed)
    settings = {
        "sources": sources.settings(),
        "mining": asdict(mining),
        "svm": asdict(svm),
        "scaling": asdict(scaling),
        "images": images,
        **numerics_key(chosen_device, threads),
    }
    restart = restart_directory(work, settings, [manifest, proposals, *sources.files()])
    opened = open_features(sources, chosen_device)
    classes = opened.finetuned.architecture.classes
    records = subset(read_manifest(manifest, dataset="detection", split="trainval"), images)
    maps = opened.source if isinstance(opened.source, MapFeatures) else None
    svms, counts = train_svms(
        load_regions(records, proposals, classes),
        partial(opened.layers, names=LAYERS),
        classes,
        settings=(mining, svm, scaling),
        restart=restart,
        window_keys=maps.window_keys if maps else None,
    )
    write_json(report, counts)
    save_svms(output, svms, classes)
    shutil.rmtree(restart)
