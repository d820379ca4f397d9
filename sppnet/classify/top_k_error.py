"""Top-k error of a classifier: scores averaged over views, error and its interval."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sppnet.geometry.views import five_positions
from sppnet.models.network import Network
from sppnet.models.preprocessing import normalise
from sppnet.progress import track
from sppnet.statistics.intervals import wilson_interval

CROPS_PER_BATCH = 64  # bounds memory: ten views of full-size images must fit


@torch.inference_mode()
def view_scores(network: Network, images: Sequence[np.ndarray], *, crop: int, views: int) -> Tensor:
    """Softmax scores of images, averaged over views cropped from them.

    Args:
        network: network in evaluation mode.
        images: uint8 `(H, W, 3)` RGB, no side shorter than `crop`.
        crop: side of the views, pixels.
        views: 1 for the centre; 10 for centre, corners and their mirror images.

    Returns:
        float32 `Tensor[N, K]` on the CPU.

    Source: paper §3.1.2; paper §3.1.4.
    """
    device = network.fc6.weight.device
    scores = []
    step = CROPS_PER_BATCH // views
    for start in track(range(0, len(images), step), f"{views} views"):
        crops = [_views(image, crop, views) for image in images[start : start + step]]
        pixels = torch.from_numpy(np.concatenate(crops))
        inputs = normalise(pixels, network.architecture).to(device)
        probabilities = network(inputs).softmax(dim=1)
        scores.append(probabilities.unflatten(0, (-1, views)).mean(dim=1).cpu())
    return torch.cat(scores)


def _views(image: np.ndarray, crop: int, views: int) -> np.ndarray:
    windows = five_positions(image.shape[0], image.shape[1], crop).tolist()
    crops = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in windows]
    if views == 1:
        return np.stack(crops[:1])
    return np.stack([*crops, *(view[:, ::-1] for view in crops)])


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
