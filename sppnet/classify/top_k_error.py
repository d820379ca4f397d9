"""Top-k error of a classifier: scores of centre crops, error and its interval."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sppnet.geometry.views import five_positions
from sppnet.models.network import Network
from sppnet.models.preprocessing import normalise
from sppnet.progress import track
from sppnet.statistics.intervals import wilson_interval

CROPS_PER_BATCH = 64  # bounds memory


@torch.inference_mode()
def centre_scores(network: Network, images: Sequence[np.ndarray], *, crop: int) -> Tensor:
    """Softmax scores of the centre crops of images.

    Args:
        network: network in evaluation mode.
        images: uint8 `(H, W, 3)` RGB, no side shorter than `crop`.
        crop: side of the crops, pixels.

    Returns:
        float32 `Tensor[N, K]` on the CPU.

    Source: paper §3.1.4.
    """
    device = network.fc6.weight.device
    scores = []
    for start in track(range(0, len(images), CROPS_PER_BATCH), "centre crops"):
        part = images[start : start + CROPS_PER_BATCH]
        pixels = torch.from_numpy(np.stack([_centre(image, crop) for image in part]))
        inputs = normalise(pixels, network.architecture).to(device)
        scores.append(network(inputs).softmax(dim=1).cpu())
    return torch.cat(scores)


def _centre(image: np.ndarray, crop: int) -> np.ndarray:
    x1, y1, x2, y2 = five_positions(image.shape[0], image.shape[1], crop)[0].tolist()
    return image[y1:y2, x1:x2]


def top_error(scores: Tensor, labels: Tensor, top: int) -> dict[str, float]:
    """Share of images whose label is not among the `top` highest scores, with Wilson interval.

    Args:
        scores: float `Tensor[N, K]`.
        labels: int64 `Tensor[N]`.
        top: for example 1 or 5; at most K is used.

    Returns:
        error, low and high, in 0..1 (95 %).

    Source: Wilson 1927.
    """
    best = scores.topk(min(top, scores.shape[1]), dim=1).indices
    wrong = int((best != labels[:, None]).all(dim=1).sum())
    low, high = wilson_interval(wrong, len(labels))
    return {"error": wrong / len(labels), "low": low, "high": high}
