"""Detection in one image: score the proposals, suppress overlaps, move the boxes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sppnet.detect.bbox_regression import Regressors, predict_boxes
from sppnet.detect.detections import BOX, COLUMNS, REGRESSED_BOX
from sppnet.detect.features import LayerFeatures
from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import Detection
from sppnet.detect.svm import LinearSvms
from sppnet.geometry.boxes import non_maximum_suppression

REGRESSED_LAYER = "ftfc7"  # the paper regresses the boxes of its best layer only


@dataclass(frozen=True)
class Detector:
    """Features, SVMs and box regressors of a detector of K classes.

    Attributes:
        features: box features at the layers of `svms`.
        svms: SVMs by layer.
        regressors: box regressors, applied at layer ftfc7.
        classes: the K class names.
    """

    features: LayerFeatures
    svms: Mapping[str, LinearSvms]
    regressors: Regressors
    classes: tuple[str, ...]


def select_detections(boxes: Tensor, scores: Tensor, detection: Detection) -> tuple[Tensor, Tensor]:
    """Threshold scores and suppress overlapping boxes, class by class.

    Args:
        boxes: float32 `Tensor[R, 4]`.
        scores: float32 `Tensor[R, K]`.
        detection: score threshold, IoU of suppression, maximum number per class.

    Returns:
        int64 rows and int64 class indices of the boxes kept, both `Tensor[N]`, by class and then
        by falling score.

    Source: release spp_test.m; paper §4.1 (suppression at 30 %).
    """
    rows, numbers = [], []
    for number in range(scores.shape[1]):
        above = torch.nonzero(scores[:, number] > detection.minimum_score).flatten()
        unsuppressed = non_maximum_suppression(
            boxes[above], scores[above, number], iou=detection.nms
        )
        chosen = above[unsuppressed[: detection.top]]
        rows.append(chosen)
        numbers.append(torch.full_like(chosen, number))
    return torch.cat(rows), torch.cat(numbers)


@torch.inference_mode()
def detect_image(regions: ImageRegions, detector: Detector, detection: Detection) -> pd.DataFrame:
    """Detections of every layer in one image. Ground-truth boxes are not scored.

    Args:
        regions: the image and its boxes.
        detector: features, SVMs and box regressors.
        detection: score threshold, IoU of suppression, maximum number per class.

    Returns:
        One row per detection with the columns of `COLUMNS`, numbers in float32; the regressed box
        is NaN for layers other than ftfc7.

    Source: paper §4.1; release roidb_from_voc.m (tests exclude the objects).
    """
    proposals = torch.arange(regions.ground_truth, len(regions.boxes))
    boxes = regions.boxes[proposals]
    features = detector.features.layers(regions, proposals, list(detector.svms))
    frames = []
    for layer, svms in detector.svms.items():
        scores = svms.scores(features[layer]).cpu()
        rows, numbers = select_detections(boxes, scores, detection)
        regressed = _regressed(layer, regions, detector, proposals[rows], numbers)
        numeric = np.column_stack([scores[rows, numbers], boxes[rows], regressed]).astype(
            np.float32
        )
        frame = pd.DataFrame(numeric, columns=["score", *BOX, *REGRESSED_BOX])
        frame["class_name"] = [detector.classes[number] for number in numbers.tolist()]
        frames.append(frame.assign(layer=layer, image=regions.image)[COLUMNS])
    return pd.concat(frames, ignore_index=True)


def _regressed(
    layer: str, regions: ImageRegions, detector: Detector, rows: Tensor, numbers: Tensor
) -> np.ndarray:
    """float32 `(N, 4)`: boxes moved by the regressor of their class."""
    if layer != REGRESSED_LAYER or not len(rows):
        return np.full((len(rows), 4), np.nan, dtype=np.float32)
    # a box detected as several classes is pooled only once
    unique, index = torch.unique(rows, return_inverse=True)
    pooled = detector.features.regression_features(regions, unique)
    regressed = predict_boxes(
        detector.regressors,
        pooled[index.to(pooled.device)],
        numbers,
        regions.boxes[rows],
        width=regions.width,
        height=regions.height,
    )
    return regressed.numpy()
