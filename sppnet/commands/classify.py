"""classify: test a network on views of the validation images."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from cyclopts import Parameter

from sppnet.classify.multi_view import MultiViewClassifier, ViewScores, merged, score_files
from sppnet.classify.settings import ScoredViews, ViewSet
from sppnet.classify.top_k_error import top_error
from sppnet.classify.training_crops import label_indices
from sppnet.commands.options import Manifest, Weights, Work, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.errors import SppnetError
from sppnet.models.compute import Compute
from sppnet.models.score_files import Scores, read_scores, write_scores
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network


def run(
    *,
    manifest: Manifest,
    weights: Weights,
    view_set: Annotated[str, Parameter(help="Name of the view set, stored with the scores.")],
    views: ViewSet,
    scored: ScoredViews = ScoredViews(),
    work: Work,
    scores: Annotated[Written, Parameter(help="Averaged scores and labels (.safetensors).")],
    metrics: Annotated[Written, Parameter(help="Errors and number of views (.json).")],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Classify the validation images, with scores averaged over the views of a view set."""
    device = compute.start()
    records = read_manifest(manifest, dataset="classification", split="val")
    images = [record.image for record in records]
    base = _read_base(scored.base, images, views) if scored.base else None
    missing = views.model_copy(update={"scales": ()}) if base else views
    network = load_network(weights, device, inference)
    classes = network.architecture.classes
    labels = label_indices(records, classes)
    classifier = MultiViewClassifier(network, missing)
    key = {"views": missing.model_dump(), **inference.model_dump(), **compute.numerics_key()}
    restart = restart_directory(work, key, [manifest, weights])
    averaged = score_files(classifier, records, restart)
    averaged = merged(base, averaged) if base else averaged
    mean_views = float(np.mean(averaged.views))
    description = {
        "classes": list(classes),
        "images": images,
        "view_set": view_set,
        "views": mean_views,
        "scales": list(views.sizes),
    }
    counts = torch.tensor(averaged.views)
    write_scores(scores, Scores(averaged.scores, labels, description, counts))
    errors = {f"top{top}": top_error(averaged.scores, labels, top) for top in (1, 5)}
    report = {
        "view_set": view_set,
        "images": len(records),
        "views": mean_views,
        "scales": list(views.sizes),
    }
    write_json(metrics, report | errors)
    shutil.rmtree(restart)


def _read_base(path: Path, images: Sequence[str], views: ViewSet) -> ViewScores:
    """Scores on all views but the full one."""
    if views.full is None:
        raise SppnetError("--base: nothing is left to be scored; give --full, or leave it out")
    base = read_scores(path)
    described = (base.description["images"], base.description.get("scales"))
    if base.views is None or described != (list(images), list(dict.fromkeys(views.scales))):
        raise SppnetError(
            f"{path}: no scores of a network on these images and scales; leave --base out"
        )
    return ViewScores(base.values, tuple(base.views.tolist()))
