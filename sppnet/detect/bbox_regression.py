"""Bounding-box regression: refines boxes by their pooled conv5 features, per class."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sppnet.detect.features import BoxFeatures
from sppnet.detect.regions import ImageRegions
from sppnet.detect.ridge import solve_ridge, whiten
from sppnet.detect.settings import BoxRegression
from sppnet.errors import SppnetError
from sppnet.geometry.boxes import clip_boxes, decode_deltas, encode_deltas, intersection_over_union
from sppnet.models.weights import load_tensors, save_tensors
from sppnet.progress import track


@dataclass(frozen=True)
class Regressors:
    """One linear map per class: deltas = scale * x . weight + bias, whitening undone.

    Attributes:
        weight: float32 `Tensor[K, 4, D]`, acts on scaled features.
        bias: float32 `Tensor[K, 4]`.
        scale: factor on the features as the network gives them.
    """

    weight: Tensor
    bias: Tensor
    scale: float


Pair = tuple[int, int, int]  # image index, row of the box, row of the object


def find_pairs(
    regions: Sequence[ImageRegions], number: int, regression: BoxRegression
) -> list[Pair]:
    """Pair boxes with the objects of one class that are their regression targets.

    Every box, objects included, is paired with the object of any class that it overlaps most (the
    first of equals) if the IoU exceeds `regression.overlap`. It trains only that object's class.

    Args:
        regions: images with their boxes.
        number: index of the class.
        regression: minimum overlap and maximum number of pairs.

    Returns:
        Pairs in the order of images and boxes.

    Source: release spp_train_bbox_regressor.m; paper §4.1 (at least 50 %).
    """
    pairs: list[Pair] = []
    for image, image_regions in enumerate(regions):
        rows = torch.nonzero(image_regions.overlaps[:, number] > regression.overlap).flatten()
        if len(rows):
            objects = image_regions.boxes[: image_regions.ground_truth]
            partners = intersection_over_union(image_regions.boxes[rows], objects).argmax(dim=1)
            same_class = image_regions.class_index[partners] == number
            matches = zip(rows[same_class].tolist(), partners[same_class].tolist(), strict=True)
            pairs += [(image, *pair) for pair in matches]
    if len(pairs) <= regression.maximum_pairs:
        return pairs
    generator = np.random.default_rng([regression.seed, number])
    chosen = np.sort(generator.permutation(len(pairs))[: regression.maximum_pairs])
    return [pairs[position] for position in chosen.tolist()]


def fit_class(
    regions: Sequence[ImageRegions],
    features: BoxFeatures,
    pairs: Sequence[Pair],
    *,
    scale: float,
    regression: BoxRegression,
) -> tuple[Tensor, Tensor]:
    """Fit the regressor of one class; without pairs it leaves boxes unchanged.

    Args:
        regions: images with their boxes.
        features: pooled conv5 features.
        pairs: pairs of `find_pairs`.
        scale: factor on the features.
        regression: constants.

    Returns:
        float32 weight `Tensor[4, D]` and bias `Tensor[4]`, on the CPU.

    Source: release spp_train_bbox_regressor.m.
    """
    if not pairs:
        length = features.pool5(regions[0], torch.empty(0, dtype=torch.int64)).shape[1]
        return torch.zeros(4, length), torch.zeros(4)
    samples, targets = _gather(regions, features, pairs)
    whitened, inverse, mean = whiten(targets, regression.whitening)
    solution = solve_ridge(
        samples.mul_(scale), whitened.to(samples.device), regression.regularisation
    )
    # targets are rows: the symmetric inverse, applied from the right, undoes the whitening
    unwhitened = inverse @ solution.cpu()
    return unwhitened[:, :-1].float(), (unwhitened[:, -1] + mean).float()


def _gather(
    regions: Sequence[ImageRegions], features: BoxFeatures, pairs: Sequence[Pair]
) -> tuple[Tensor, Tensor]:
    """Features float32 `Tensor[n, D]` and deltas float64 `Tensor[n, 4]` of the pairs."""
    images, rows, objects = torch.tensor(pairs).T
    targets = torch.empty(len(pairs), 4, dtype=torch.float64)
    samples = torch.empty(0)
    for image in images.unique().tolist():
        positions, image_regions = torch.nonzero(images == image).flatten(), regions[image]
        pooled = features.pool5(image_regions, rows[positions])
        if not len(samples):
            # a single allocation: concatenating parts would need twice the memory
            samples = pooled.new_empty(len(pairs), pooled.shape[1])
        samples[positions.to(pooled.device)] = pooled
        targets[positions] = encode_deltas(
            image_regions.boxes[rows[positions]], image_regions.boxes[objects[positions]]
        ).double()
    return samples, targets


def fit_regressors(
    regions: Sequence[ImageRegions],
    features: BoxFeatures,
    classes: Sequence[str],
    *,
    scale: float,
    regression: BoxRegression,
    restart: Path,
) -> tuple[Regressors, dict[str, int]]:
    """Fit the regressors of all classes; a killed run resumes with the next class.

    Args:
        regions: training images with their boxes.
        features: pooled conv5 features of the fine-tuned network.
        classes: the K class names.
        scale: factor on the features.
        regression: constants.
        restart: folder for the regressors of finished classes.

    Returns:
        The regressors, and the number of pairs by class.

    Source: release spp_train_bbox_regressor.m (lambda 4000, overlap 0.5); RCNN appendix C (lambda
        1000, overlap 0.6).
    """
    counts = {}
    weights, biases = [], []
    for number, name in enumerate(track(classes, "box regressors")):
        pairs = find_pairs(regions, number, regression)
        class_file = restart / f"class-{number:04d}.safetensors"
        if not class_file.exists():
            weight, bias = fit_class(regions, features, pairs, scale=scale, regression=regression)
            save_tensors(class_file, {"weight": weight, "bias": bias}, {})
        state, _ = load_tensors(class_file)
        weights.append(state["weight"])
        biases.append(state["bias"])
        counts[name] = len(pairs)
    return Regressors(torch.stack(weights), torch.stack(biases), scale), counts


def predict_boxes(
    regressors: Regressors,
    features: Tensor,
    class_numbers: Tensor,
    boxes: Tensor,
    *,
    width: int,
    height: int,
) -> Tensor:
    """Apply the regressor of its class to every box and clip the result to the image.

    Args:
        regressors: regressors of all classes.
        features: unscaled `Tensor[n, D]` on the regressors' device.
        class_numbers: int64 `Tensor[n]`.
        boxes: float32 `Tensor[n, 4]` in image pixels.
        width: image width in pixels.
        height: image height in pixels.

    Returns:
        float32 `Tensor[n, 4]` on the CPU.

    Source: release spp_train_bbox_regressor.m.
    """
    deltas = torch.zeros(len(boxes), 4)
    for number in sorted(set(class_numbers.tolist())):
        chosen = torch.nonzero(class_numbers == number).flatten()
        class_features = features[chosen.to(features.device)]
        class_deltas = (
            class_features @ regressors.weight[number].T * regressors.scale
            + regressors.bias[number]
        )
        deltas[chosen] = class_deltas.cpu()
    return clip_boxes(decode_deltas(boxes, deltas), width, height)


def save_regressors(path: Path, regressors: Regressors, report: dict[str, int]) -> None:
    """Write the regressors; the header holds the number of pairs by class (JSON)."""
    tensors = {
        "weight": regressors.weight,
        "bias": regressors.bias,
        "scale": torch.tensor([regressors.scale], dtype=torch.float64),
    }
    save_tensors(path, tensors, {"pairs": json.dumps(report)})


def load_regressors(path: Path, device: torch.device | str) -> tuple[Regressors, tuple[str, ...]]:
    """Read what `save_regressors` wrote: regressors and class names.

    Raises:
        SppnetError: the file is unreadable or contains no regressors.
    """
    tensors, header = load_tensors(path)
    if "pairs" not in header:
        raise SppnetError(f"{path}: holds no box regressors; give the output of train-bbox")
    weight, bias = tensors["weight"].to(device), tensors["bias"].to(device)
    regressors = Regressors(weight, bias, float(tensors["scale"]))
    return regressors, tuple(json.loads(header["pairs"]))
