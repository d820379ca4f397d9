"""train-bbox: bounding-box regressors of all classes."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory
from sppnet.data.subset import subset
from sppnet.detect.bbox_regression import RegressionSettings, fit_regressors, save_regressors
from sppnet.detect.regions import load_regions
from sppnet.detect.sources import Method, Sources, open_features
from sppnet.detect.svm import Scaling, feature_scales
from sppnet.models.compute import choose_device, numerics_key


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    proposals: Annotated[Path, Option(help="Proposals of trainval.")],
    method: Annotated[Method, Option(help="spp (pooled maps) or rcnn (warped boxes).")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    finetuned: Annotated[Path, Option(help="Network of finetune or finetune-rcnn.")],
    features: Annotated[list[Path], Option(help="spp: maps, once per size; rcnn: box features.")],
    overlap: Annotated[float, Option(help="Boxes overlap their object by more than this.")],
    regularisation: Annotated[float, Option(help="Lambda of the ridge regression.")],
    whitening: Annotated[float, Option(help="Added to the eigenvalues of the targets.")],
    maximum_pairs: Annotated[int, Option(help="Most pairs per class; more are drawn from.")],
    target_norm: Annotated[float, Option(help="Mean norm of the scaled features.")],
    stats_images: Annotated[int, Option(help="Images that the mean norm is measured on.")],
    stats_boxes: Annotated[int, Option(help="Boxes of each of them.")],
    seed: Annotated[int, Option(help="Seed of everything random.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="Regressors of all classes.")],
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
    """Fit one ridge regression per class from pooled conv5 features to better boxes."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    sources = Sources(
        method, weights, finetuned, features, sizes or (), target, shrink, finetuned_features
    )
    regression = RegressionSettings(overlap, regularisation, whitening, maximum_pairs, seed)
    scaling = Scaling(target_norm, stats_images, stats_boxes, seed)
    settings = {
        "sources": sources.settings(),
        "regression": asdict(regression),
        "scaling": asdict(scaling),
        "images": images,
        **numerics_key(chosen_device, threads),
    }
    restart = restart_directory(work, settings, [manifest, proposals, *sources.files()])
    opened = open_features(sources, chosen_device)
    classes = opened.finetuned.architecture.classes
    records = subset(read_manifest(manifest, dataset="detection", split="trainval"), images)
    regions = load_regions(records, proposals, classes)
    scales = feature_scales(
        regions, lambda each, rows: {"pool5": opened.regression_features(each, rows)}, scaling
    )
    regressors, pairs = fit_regressors(
        regions,
        opened.finetuned_source,
        classes,
        scale=scales["pool5"],
        settings=regression,
        restart=restart,
    )
    save_regressors(output, regressors, pairs)
    shutil.rmtree(restart)
