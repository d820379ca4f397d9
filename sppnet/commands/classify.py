"""classify: test a network on views of the validation images."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from sppnet.classify.multi_view import (
    MultiViewClassifier,
    joined,
    read_base,
    save_scores,
    score_files,
)
from sppnet.classify.settings import ViewSet
from sppnet.classify.top_k_error import top_error
from sppnet.classify.training_crops import label_indices
from sppnet.commands.options import Manifest, Weights, Work, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.errors import SppnetError
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network


def run(
    *,
    manifest: Manifest,
    weights: Weights,
    view_set: Annotated[str, Parameter(help="Name of the view set, stored with the scores.")],
    views: ViewSet,
    base: Annotated[
        Path | None,
        Parameter(help="Scores on these views without the full one, which alone is scored then."),
    ] = None,
    work: Work,
    scores: Annotated[Written, Parameter(help="Averaged scores and labels (.safetensors).")],
    metrics: Annotated[Written, Parameter(help="Errors and number of views (.json).")],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Classify the validation images, with scores averaged over the views of a view set."""
    if base is not None and views.full is None:
        raise SppnetError("--base: nothing is left to be scored; give --full, or leave it out")
    device = compute.start()
    records = read_manifest(manifest, dataset="classification", split="val")
    network = load_network(weights, device, inference)
    classes = network.architecture.classes
    labels = label_indices(records, classes)
    images = [record.image for record in records]
    scored = views if base is None else views.model_copy(update={"scales": ()})
    classifier = MultiViewClassifier(network, scored)
    key = {"views": scored.model_dump(), **inference.model_dump(), **compute.numerics_key()}
    restart = restart_directory(work, key, [manifest, weights])
    averaged = score_files(classifier, records, restart)
    if base is not None:
        averaged = joined(read_base(base, images, views.scales), averaged)
    mean_views = float(np.mean(averaged.views))
    description = {
        "classes": list(classes),
        "images": images,
        "view_set": view_set,
        "views": mean_views,
        "scales": list(views.sizes),
    }
    save_scores(scores, averaged, labels, json.dumps(description, sort_keys=True))
    errors = {f"top{top}": top_error(averaged.scores, labels, top) for top in (1, 5)}
    report = {
        "view_set": view_set,
        "images": len(records),
        "views": mean_views,
        "scales": list(views.sizes),
    }
    write_json(metrics, report | errors)
    shutil.rmtree(restart)
