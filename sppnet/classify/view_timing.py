"""Time per image of view sets side by side, without reading images."""

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
    """Seconds per image of every view set, in turn on each image.

    Each runs once untimed. Every pass has classifiers of its own: they keep what the views of
    images of one size share, and a test on images that are all new has to make it.

    Args:
        network: in evaluation mode.
        view_sets: view sets by name.
        images: uint8 `(H, W, 3)` RGB, as decoded.
        repeats: passes over the images; an image's time is the median over them.
        device: that the network is on.

    Returns:
        By name, float64 (N,), the seconds of each image, from the decoded image to its scores.
    """

    def passed(images: Sequence[np.ndarray], description: str) -> dict[str, np.ndarray]:
        scoring = {name: MultiViewClassifier(network, views) for name, views in view_sets.items()}
        calls = {name: classifier.scores for name, classifier in scoring.items()}
        return take_turns(calls, images, device=device, description=description)

    passed(images[:1], "warm-up")
    passes = [passed(images, f"pass {number + 1}/{repeats}") for number in range(repeats)]
    return {name: np.median([each[name] for each in passes], axis=0) for name in view_sets}
