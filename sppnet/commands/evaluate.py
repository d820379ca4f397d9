"""evaluate: average precision per class and layer, with its interval over the test images."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from cyclopts import Parameter

from sppnet.commands.options import Detections, Manifest, Written
from sppnet.data.manifest import class_list, ground_truth_frame, read_manifest
from sppnet.data.store import or_null, write_json
from sppnet.data.subset import subset
from sppnet.detect.average_precision import (
    ClassCurve,
    average_precisions,
    class_curve,
    mean_average_precision,
)
from sppnet.detect.detections import BOX, REGRESSED_BOX, read_detections
from sppnet.detect.features import LAYERS
from sppnet.detect.settings import Evaluation, Subset
from sppnet.errors import SppnetError
from sppnet.geometry.boxes import non_maximum_suppression
from sppnet.progress import track
from sppnet.statistics.bootstrap import bootstrap_images
from sppnet.statistics.intervals import basic_interval
from sppnet.statistics.precision_recall import Method
from sppnet.statistics.settings import Bootstrap

REGRESSED_ROW = "ftfc7 bb"
METHOD: Method = "11-point"  # the rule of VOC 2007, in which all the paper's numbers are


def run(
    *,
    manifest: Manifest,
    detections: Detections,
    part: Subset = Subset(),
    evaluation: Evaluation,
    output: Annotated[Written, Parameter(help="Results (.json).")],
) -> None:
    """Compute the average precision of a detector at every layer and after box regression."""
    every = read_manifest(manifest, dataset="detection")
    records = subset([record for record in every if record.split == "test"], part.images)
    names = [record.image for record in records]
    truth, classes = ground_truth_frame(records), class_list(every)
    if truth["difficult"].all():
        raise SppnetError(
            f"{manifest}: the {len(records)} test images have no object that is not difficult, so "
            "there is nothing to find; give images with some"
        )
    rows = _read_rows(detections, names, evaluation.nms)
    results = {}
    for row, detected in track(rows.items(), "evaluate", total=len(rows)):
        curves = {
            name: class_curve(
                detected[detected["class_name"] == name],
                truth[truth["class_name"] == name],
                names,
                iou=evaluation.iou,
            )
            for name in classes
        }
        results[row] = _summary(curves, evaluation)
    counted = [name for name, ap in results[REGRESSED_ROW]["ap"].items() if ap is not None]
    skipped = sorted(set(classes) - set(counted))
    about = {"images": len(names), "image_names": names, "classes": len(counted)}
    write_json(output, {**about, "skipped": skipped, "rows": results})


def _read_rows(path: Path, images: Sequence[str], nms: float) -> dict[str, pd.DataFrame]:
    """Detections of each row of the table on the given images."""
    detections = read_detections(path)
    missing = sorted(set(images) - set(detections.images))
    if missing:
        raise SppnetError(
            f"{path}: {len(missing)} test images were not searched, {missing[0]} for one; give "
            "--images as to detect, or run detect on all"
        )
    if set(detections.layers) != set(LAYERS):
        raise SppnetError(
            f"{path}: layers {', '.join(detections.layers)} were scored; run detect with SVMs of "
            f"{', '.join(LAYERS)}"
        )
    on_images = detections.rows[detections.rows["image"].isin(images)].astype(
        {"class_name": "category"}
    )
    rows = {name: on_images[on_images["layer"] == name] for name in LAYERS}
    moved = rows["ftfc7"].drop(columns=BOX)
    moved = moved.rename(columns=dict(zip(REGRESSED_BOX, BOX, strict=True)))
    if moved[BOX].isna().to_numpy().any():
        raise SppnetError(f"{path}: layer ftfc7 lacks regressed boxes; run detect again")
    return {**rows, REGRESSED_ROW: _suppress(moved, nms)}


def _suppress(detections: pd.DataFrame, nms: float) -> pd.DataFrame:
    """Detections left after suppression in every class and image, in their original order.

    Source: release imdb_eval_voc.m, which suppresses the regressed boxes once more.
    """
    boxes = torch.from_numpy(detections[BOX].to_numpy(np.float32))
    scores = torch.tensor(detections["score"].to_numpy(np.float32))
    positions = []
    for rows in detections.groupby(["class_name", "image"], observed=True).indices.values():
        group = torch.from_numpy(rows)
        positions.append(
            rows[non_maximum_suppression(boxes[group], scores[group], iou=nms).numpy()]
        )
    return detections.iloc[np.sort(np.concatenate([np.empty(0, np.int64), *positions]))]


def _summary(curves: dict[str, ClassCurve], bootstrap: Bootstrap) -> dict[str, Any]:
    """Mean and class-wise average precision; null for a class or sample without objects."""
    parts = list(curves.values())
    once = np.ones((1, len(parts[0].objects)))
    mean = partial(mean_average_precision, parts, method=METHOD)
    samples = bootstrap_images(
        mean, once.shape[1], replicates=bootstrap.bootstrap, seed=bootstrap.seed
    )
    value = float(mean(once)[0])
    low, high = basic_interval(value, samples)
    class_aps = np.concatenate([average_precisions(curve, once, method=METHOD) for curve in parts])
    return {
        "map": value,
        "low": low,
        "high": high,
        "ap": dict(zip(curves, or_null(class_aps), strict=True)),
        "replicates": or_null(samples.round(6)),
    }
