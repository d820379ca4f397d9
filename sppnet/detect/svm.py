"""Linear one-against-rest SVMs on scaled features."""

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from torch import Tensor

from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import Scaling, SvmSolver
from sppnet.errors import SppnetError
from sppnet.models.weights import load_tensors, save_tensors
from sppnet.progress import track

# A safeguard, not a setting: reaching it is an error, so it never affects a result.
MAXIMUM_ITERATIONS = 1_000_000
LayersOf = Callable[[ImageRegions, Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class LinearSvms:
    """One SVM per class on the features of a layer: score = scale * x . weight + bias.

    Attributes:
        weight: float32 `Tensor[K, D]`, acts on scaled features.
        bias: float32 `Tensor[K]`.
        scale: factor on the features as the network gives them.
    """

    weight: Tensor
    bias: Tensor
    scale: float

    def scores(self, features: Tensor) -> Tensor:
        """float32 `Tensor[R, K]` of unscaled features `Tensor[R, D]`, on the weights' device."""
        return features @ self.weight.T * self.scale + self.bias


def solve_svm(
    features: np.ndarray, positive: np.ndarray, settings: SvmSolver
) -> tuple[np.ndarray, float]:
    """Train a linear SVM with regularised bias.

    Minimises, with f = w.x + b and p = positive_weight,
    1/2 |w|^2 + 1/2 (b / B)^2 + C (p sum over positives of max(0, 1 - f)
    + sum over negatives of max(0, 1 + f)).

    Args:
        features: float64 `(n, D)`, scaled. Dense: building a sparse matrix of pooled features
            (38 % non-zero) takes longer than solving.
        positive: bool `(n,)`, with both values present.
        settings: constants of the objective.

    Returns:
        float64 w `(D,)` and b.

    Raises:
        SppnetError: positives or negatives are missing, or the solver does not reach the tolerance.

    Source: release spp_train.m (liblinear 1.93, solver 3: L1 hinge, dual; -c 1e-3 -B 10 -w1 2).
    """
    if positive.all() or not positive.any():
        kind = "negative" if positive.all() else "positive"
        raise SppnetError(f"SVM: no {kind} samples; use more images or proposals")
    solver = LinearSVC(
        loss="hinge",
        C=settings.cost,
        intercept_scaling=settings.bias,
        class_weight={True: settings.positive_weight},
        tol=settings.tolerance,
        random_state=settings.seed,
        max_iter=MAXIMUM_ITERATIONS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            solver.fit(features, positive)
        except ConvergenceWarning:
            raise SppnetError(
                f"--tolerance: {settings.tolerance} is not reached in {MAXIMUM_ITERATIONS} "
                "iterations; raise it or lower the cost"
            ) from None
    return solver.coef_[0], float(solver.intercept_[0])


def feature_scales(
    regions: Sequence[ImageRegions], layers: LayersOf, scaling: Scaling
) -> dict[str, float]:
    """Factors that scale the mean L2 norm of each layer's features to the target.

    The mean is over random boxes (objects included) of random images, or over all of them if there
    are fewer.

    Args:
        regions: images to draw from.
        layers: gives the features of some rows of an image by layer name.
        scaling: target norm, and numbers of images and boxes to draw.

    Raises:
        SppnetError: there are no boxes, or features are all zero or not finite.

    Source: release spp_feature_stats.m; release spp_scale_features.m.
    """
    generator = np.random.default_rng(scaling.seed)
    chosen = generator.permutation(len(regions))[: scaling.stats_images]
    norms: dict[str, list[np.ndarray]] = {}
    for number in track(chosen.tolist(), "feature norms"):
        image_regions = regions[number]
        rows = np.sort(generator.permutation(len(image_regions.boxes))[: scaling.stats_boxes])
        for name, features in layers(image_regions, torch.from_numpy(rows)).items():
            norms.setdefault(name, []).append(features.norm(dim=1).cpu().numpy())
    means = {name: np.concatenate(parts).mean(dtype=np.float64) for name, parts in norms.items()}
    for name, mean in means.items():
        if not 0 < mean < math.inf:
            raise SppnetError(f"{name}: its features have mean norm {mean}; check the network")
    return {name: float(scaling.target_norm / mean) for name, mean in means.items()}


def save_svms(path: Path, svms: Mapping[str, LinearSvms], classes: Sequence[str]) -> None:
    """Write the SVMs of several layers; the header names layers and classes (JSON)."""
    tensors = {}
    for layer, layer_svms in svms.items():
        tensors[f"{layer}.weight"], tensors[f"{layer}.bias"] = layer_svms.weight, layer_svms.bias
        tensors[f"{layer}.scale"] = torch.tensor([layer_svms.scale], dtype=torch.float64)
    # a single key: safetensors writes several in random order, and files must be reproducible
    header = {"svm": json.dumps({"classes": list(classes), "layers": list(svms)})}
    save_tensors(path, tensors, header)


def load_svms(
    path: Path, device: torch.device | str
) -> tuple[dict[str, LinearSvms], tuple[str, ...]]:
    """Read what `save_svms` wrote: SVMs by layer, in the order written, and class names.

    Raises:
        SppnetError: the file is unreadable or contains no SVMs.
    """
    tensors, header = load_tensors(path)
    if "svm" not in header:
        raise SppnetError(f"{path}: holds no SVMs; give the output of train-svm")
    names = json.loads(header["svm"])
    svms = {
        layer: LinearSvms(
            tensors[f"{layer}.weight"].to(device),
            tensors[f"{layer}.bias"].to(device),
            float(tensors[f"{layer}.scale"]),
        )
        for layer in names["layers"]
    }
    return svms, tuple(names["classes"])
