"""classify: test a network on views of the validation images."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from typer import Option

from sppnet.classify.evaluate import top_error
from sppnet.classify.multi_view import MultiViewClassifier, Views, save_scores, score_files
from sppnet.classify.pretrain import label_indices
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.models.network import choose_device, rounding
from sppnet.models.weights import load_network


def run(
    manifest: Annotated[Path, Option(help="Manifest of the images to test on.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    protocol: Annotated[str, Option(help="Name of the choice of views, for the records.")],
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
    place = choose_device(device)
    records = read_manifest(manifest, dataset="classification", split="val")
    network = load_network(weights, place)
    classes = network.architecture.classes
    labels = label_indices(records, classes)
    views = Views(source, tuple(scales or ()), window, positions, mirrored, full)
    classifier = MultiViewClassifier(network, views)
    settings = {"views": asdict(views), **rounding(place, threads)}
    restart = restart_directory(work, settings, [manifest, weights])
    found = score_files(classifier, records, restart)
    mean_views = float(np.mean(found.views))
    description = {
        "classes": list(classes),
        "images": [record.image for record in records],
        "protocol": protocol,
        "views": mean_views,
        "scales": list(views.sizes),
    }
    save_scores(scores, found.scores, labels, json.dumps(description, sort_keys=True))
    errors = {f"top{top}": top_error(found.scores, labels, top) for top in (1, 5)}
    report = {
        "protocol": protocol,
        "images": len(records),
        "views": mean_views,
        "scales": list(views.sizes),
    }
    write_json(metrics, report | errors)
    shutil.rmtree(restart)
