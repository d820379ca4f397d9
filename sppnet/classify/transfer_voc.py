"""VOC 2007 classification by linear SVMs on features of a pretrained network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from sppnet.classify.image_features import ImageFeatures
from sppnet.classify.linear_svm import class_scores, normalised_kernel
from sppnet.classify.settings import TransferSvm
from sppnet.classify.voc_classification import (
    held_out_part,
    image_labels,
    mean_average_precisions,
)
from sppnet.data.manifest import ImageRecord, class_list
from sppnet.data.store import or_null
from sppnet.errors import SppnetError
from sppnet.progress import track
from sppnet.statistics.bootstrap import bootstrap_images
from sppnet.statistics.intervals import basic_interval

SIZE_LAYER = "fc7"  # the row of Table 6 by which the paper compares sizes
MEASURE = "mean average precision, 11 points"


def choose_size(
    candidates: Mapping[int, ImageFeatures],
    images: Sequence[str],
    labels: np.ndarray,
    *,
    svm: TransferSvm,
    holdout: float,
    device: torch.device,
) -> dict[int, float]:
    """Mean average precision of each image size on a held-out part of trainval.

    Args:
        candidates: features of the trainval images by size in pixels.
        images: names of the images.
        labels: int `(N, K)`.
        svm: C, and the seed of the held-out part.
        holdout: share of the held-out images.
        device: device of the matrix products.

    Raises:
        SppnetError: no class has positives and negatives in both parts.

    Source: paper §3.2 (the size is chosen on validation).
    """
    held_out = held_out_part(labels, holdout, np.random.default_rng(svm.seed))
    train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    values = {}
    for size, features in track(candidates.items(), "image size", len(candidates)):
        kernel = normalised_kernel(features.vectors(SIZE_LAYER, images), device)
        scores = class_scores(kernel, labels, train, test, cost=svm.cost)
        unit_weights = np.ones((1, len(test)))
        values[size] = float(mean_average_precisions(scores, labels[test], unit_weights)[0][0])
    if np.isnan(list(values.values())).any():
        raise SppnetError(
            f"--holdout {holdout}: no class has images in both parts of trainval; "
            "change the share, or give a single size"
        )
    return values


def learn_voc(
    training: Sequence[ImageRecord],
    testing: Sequence[ImageRecord],
    trained: ImageFeatures,
    tested: ImageFeatures,
    *,
    svm: TransferSvm,
    replicates: int,
    device: torch.device,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train on trainval and test on test, at every layer.

    Args:
        training: records of the training images.
        testing: records of the test images.
        trained: features of the training images.
        tested: features of the test images, from the same network and view.
        svm: C, and the seed of the bootstrap samples.
        replicates: number of bootstrap samples of the test images for the interval.
        device: device of the matrix products.

    Returns:
        The results by layer, and a table with one row per layer, image and class (layer,
        image, class_name, score, label).

    Raises:
        SppnetError: no class has training and test images, or features are missing.

    Source: paper §3.2.
    """
    classes = class_list(training)
    labels = image_labels([*training, *testing], classes)
    train, test = np.split(np.arange(len(labels)), [len(training)])
    images = [record.image for record in testing]
    layers, tables = {}, []
    for layer in track(tested.names, "layer"):
        vectors = trained.vectors(layer, [record.image for record in training])
        kernel = normalised_kernel(vectors + tested.vectors(layer, images), device)
        scores = class_scores(kernel, labels, train, test, cost=svm.cost)
        layers[layer] = {
            "name": tested.names[layer],
            **_voc_summary(scores, labels[test], classes, replicates, svm.seed),
        }
        tables.append(_voc_table(layer, images, classes, scores, labels[test]))
    report = {
        "measure": MEASURE,
        "images": len(images),
        "image_names": images,
        "layers": layers,
    }
    return report, pd.concat(tables, ignore_index=True)


def _voc_summary(
    scores: np.ndarray, labels: np.ndarray, classes: Sequence[str], replicates: int, seed: int
) -> dict[str, Any]:
    """Mean and per-class average precision; null where it is undefined."""
    mean, class_values = mean_average_precisions(scores, labels, np.ones((1, len(scores))))
    if np.isnan(mean[0]):
        raise SppnetError("transfer: no class has training and test images; use more images")
    samples = bootstrap_images(
        lambda weights: mean_average_precisions(scores, labels, weights)[0],
        len(scores),
        replicates=replicates,
        seed=seed,
    )
    low, high = basic_interval(float(mean[0]), samples)
    return {
        "value": float(mean[0]),
        "low": low,
        "high": high,
        "n": len(scores),
        "replicates": or_null(samples),
        "per_class": dict(zip(classes, or_null(class_values[0]), strict=True)),
    }


def _voc_table(
    layer: str,
    images: Sequence[str],
    classes: Sequence[str],
    scores: np.ndarray,
    labels: np.ndarray,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "layer": layer,
            "image": np.repeat(np.array(images, object), len(classes)),
            "class_name": np.tile(np.array(classes, object), len(images)),
            "score": scores.ravel(),
            "label": labels.ravel(),
        }
    )
