"""Files of scores that networks give images, averaged over views."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from sppnet.errors import SppnetError
from sppnet.models.weights import load_tensors, save_tensors

METADATA = "classification"  # key of the file's description


@dataclass(frozen=True, eq=False)
class Scores:
    """Averaged softmax scores of a network on views of N images.

    Attributes:
        values: float32 (N, K).
        labels: int64 (N,).
        description: classes, images, view_set, views (mean number per image) and scales; of
            combined networks also models, their number.
        views: int64 (N,), number of views of each image; None of combined networks.
    """

    values: Tensor
    labels: Tensor
    description: dict[str, Any]
    views: Tensor | None = None

    def wrong(self, top: int) -> np.ndarray:
        """Bool (N,): the label is not among the `top` best scores."""
        best = self.values.topk(min(top, self.values.shape[1]), dim=1).indices
        return (best != self.labels[:, None]).all(dim=1).numpy()


def write_scores(path: Path, scores: Scores) -> None:
    """Write a file that `read_scores` reads."""
    tensors = {"scores": scores.values, "labels": scores.labels, "views": scores.views}
    present = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    save_tensors(path, present, {METADATA: json.dumps(scores.description, sort_keys=True)})


def read_scores(path: Path) -> Scores:
    """Read a file of scores.

    Raises:
        SppnetError: it is unreadable or incomplete, or its scores are not numbers.
    """
    tensors, metadata = load_tensors(Path(path))
    try:
        description = json.loads(metadata[METADATA])
        views = tensors.get("views")
        scores = Scores(tensors["scores"], tensors["labels"], description, views)
        expected = (len(description["images"]), len(description["classes"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SppnetError(f"{path}: not a file of scores ({error!r}); run classify again") from None
    counts = [scores.labels] if views is None else [scores.labels, views]
    if scores.values.shape != expected or any(one.shape != expected[:1] for one in counts):
        raise SppnetError(f"{path}: scores do not fit its images and classes; run classify again")
    if not expected[0]:
        raise SppnetError(f"{path}: has no images; run classify again")
    return scores
