"""classify: test a network on views of the validation images."""

import json
import shutil
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from sppnet.classify.multi_view import MultiViewClassifier, save_scores, score_files
from sppnet.classify.settings import ViewSet
from sppnet.classify.top_k_error import top_error
from sppnet.classify.training_crops import label_indices
from sppnet.commands.options import Manifest, Weights, Work, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network


def run(
    *,
    manifest: Manifest,
    weights: Weights,
    view_set: Annotated[str, Parameter(help="Name of the view set, stored with the scores.")],
    views: ViewSet,
    work: Work,
    scores: Annotated[Written, Parameter(help="Averaged scores and labels (.safetensors).")],
    metrics: Annotated[Written, Parameter(help="Errors and number of views (.json).")],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Classify the validation images, with scores averaged over the views of a view set."""
    device = compute.start()
    records = read_manifest(manifest, dataset="classification", split="val")
    network = load_network(weights, device, inference)
    classes = network.architecture.classes
    labels = label_indices(records, classes)
    classifier = MultiViewClassifier(network, views)
    key = {"views": views.model_dump(), **inference.model_dump(), **compute.numerics_key()}
    restart = restart_directory(work, key, [manifest, weights])
    averaged = score_files(classifier, records, restart)
    mean_views = float(np.mean(averaged.views))
    description = {
        "classes": list(classes),
        "images": [record.image for record in records],
        "view_set": view_set,
        "views": mean_views,
        "scales": list(views.sizes),
    }
    save_scores(scores, averaged.scores, labels, json.dumps(description, sort_keys=True))
    errors = {f"top{top}": top_error(averaged.scores, labels, top) for top in (1, 5)}
    report = {
        "view_set": view_set,
        "images": len(records),
        "views": mean_views,
        "scales": list(views.sizes),
    }
    write_json(metrics, report | errors)
    shutil.rmtree(restart)
