"""classify: test a network on views of the validation images."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from typer import Option

from sppnet.classify.multi_view import MultiViewClassifier, ViewSet, save_scores, score_files
from sppnet.classify.top_k_error import top_error
from sppnet.classify.training_crops import label_indices
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.models.compute import choose_device, numerics_key
from sppnet.models.weights import load_network


def run(
    manifest: Annotated[Path, Option(help="Manifest of the images to test on.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    view_set: Annotated[str, Option(help="Name of the view set, for the records.")],
    source: Annotated[
        Literal["crops", "maps"], Option(help="Cut views from the image or from its map.")
    ],
    window: Annotated[int, Option(help="Side of a view in pixels.", min=1)],
    positions: Annotated[int, Option(help="Views per scale: 1, 5 or 9.")],
    mirrored: Annotated[bool, Option(help="Count each view of the mirrored image too.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    scores: Annotated[Path, Option(help="Averaged scores and labels (.safetensors).")],
    metrics: Annotated[Path, Option(help="Errors and number of views (.json).")],
    scales: Annotated[
        list[int] | None, Option(help="Shorter sides that views are taken at; repeat.")
    ] = None,
    full: Annotated[
        int | None, Option(help="Shorter side at which the whole image is a view.", min=1)
    ] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Average softmax scores over views of each validation image; write them and the errors."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    records = read_manifest(manifest, dataset="classification", split="val")
    network = load_network(weights, chosen_device)
    classes = network.architecture.classes
    labels = label_indices(records, classes)
    views = ViewSet(source, tuple(scales or ()), window, positions, mirrored, full)
    classifier = MultiViewClassifier(network, views)
    settings = {"views": asdict(views), **numerics_key(chosen_device, threads)}
    restart = restart_directory(work, settings, [manifest, weights])
    found = score_files(classifier, records, restart)
    mean_views = float(np.mean(found.views))
    description = {
        "classes": list(classes),
        "images": [record.image for record in records],
        "view_set": view_set,
        "views": mean_views,
        "scales": list(views.sizes),
    }
    save_scores(scores, found.scores, labels, json.dumps(description, sort_keys=True))
    errors = {f"top{top}": top_error(found.scores, labels, top) for top in (1, 5)}
    report = {
        "view_set": view_set,
        "images": len(records),
        "views": mean_views,
        "scales": list(views.sizes),
    }
    write_json(metrics, report | errors)
    shutil.rmtree(restart)
