"""Time per image of several view sets, without reading images."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from sppnet.classify.multi_view import MultiViewClassifier
from sppnet.classify.settings import ViewSet
from sppnet.models.clock import take_turns
from sppnet.models.network import Network


def time_views(
    network: Network,
    view_sets: Mapping[str, ViewSet],
    images: Sequence[np.ndarray],
    *,
    repeats: int,
    device: torch.device,
) -> dict[str, np.ndarray]:
    """Seconds per image of every view set; all view sets run in turn on each image.

    Each view set first runs once untimed. Every pass uses new classifiers: a classifier caches what
    images of one size share, and a test on new images has to compute it.

    Args:
        network: network in evaluation mode.
        view_sets: view sets by name.
        images: uint8 `(H, W, 3)` RGB, as decoded.
        repeats: number of passes over the images; the time of an image is the median over passes.
        device: device of the network.

    Returns:
        By name, float64 (N,), seconds per image from the decoded image to its scores.
    """

    def run_pass(images: Sequence[np.ndarray], description: str) -> dict[str, np.ndarray]:
        classifiers = {
            name: MultiViewClassifier(network, views) for name, views in view_sets.items()
        }
        calls = {name: classifier.scores for name, classifier in classifiers.items()}
        return take_turns(calls, images, device=device, description=description)

    run_pass(images[:1], "warm-up")
    passes = [run_pass(images, f"pass {number + 1}/{repeats}") for number in range(repeats)]
    return {name: np.median([seconds[name] for seconds in passes], axis=0) for name in view_sets}
