"""Which images and boxes a batch of fine-tuning is made of.

The iterations come in chunks: a chunk takes some training images, draws boxes of each once, and
makes balanced batches of them all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sppnet.detect.regions import ImageRegions
from sppnet.errors import SppnetError
from sppnet.models.schedule import Schedule


@dataclass(frozen=True)
class Sampling:
    """How boxes are drawn for the batches.

    Attributes:
        batch: boxes per iteration.
        positive_fraction: share of foreground boxes in a batch.
        positive_iou: smallest overlap of foreground, inclusive.
        negative_iou: (low inclusive, high exclusive) overlaps of background.
        images_per_chunk: training images whose boxes are mixed.
        windows_per_image: boxes drawn from each of them.
        holdout: share of the images that is held out, at least one of them; 0 for none.
        holdout_windows: most boxes of held-out images that the loss is taken on.
        scale_choice: "best" pools a box on its best scale, "random" on any scale alike; R-CNN has
            but one.
        seed: of the held-out images, the order of the images and the boxes drawn.

    Source: paper §4.1; RCNN §2.3; release spp_finetune_voc.m (chunks).
    """

    batch: int
    positive_fraction: float
    positive_iou: float
    negative_iou: tuple[float, float]
    images_per_chunk: int
    windows_per_image: int
    holdout: float
    holdout_windows: int
    scale_choice: Literal["best", "random"]
    seed: int

    @property
    def chunk_iterations(self) -> int:
        """Iterations per chunk: as many as use each drawn box about once."""
        return max(1, self.images_per_chunk * self.windows_per_image // self.batch)

    def chunks(self, iterations: int) -> int:
        """Chunks that hold so many iterations, rounded up."""
        return -(-iterations // self.chunk_iterations)

    def schedule(
        self,
        learning_rate: float,
        milestones: Sequence[int],
        iterations: int,
        momentum: float,
        weight_decay: float,
        warmup: int,
    ) -> Schedule:
        """A schedule whose epochs are chunks.

        Args:
            learning_rate: as in `Schedule`.
            milestones: iterations after which the rate is divided by 10; rounded up to chunks.
            iterations: in all; rounded up to whole chunks.
            momentum: as in `Schedule`.
            weight_decay: as in `Schedule`.
            warmup: iterations, and not rounded.
        """
        chunks = tuple(self.chunks(each) for each in milestones)
        epochs = self.chunks(iterations)
        return Schedule(
            learning_rate=learning_rate,
            milestones=chunks,
            epochs=epochs,
            momentum=momentum,
            weight_decay=weight_decay,
            warmup=warmup,
        )


def hold_out(
    regions: Sequence[ImageRegions], fraction: float, seed: int
) -> tuple[list[ImageRegions], list[ImageRegions]]:
    """Split images into those to train on and those held out, at random by the seed.

    A share of 0 holds out none, any other at least one.

    Raises:
        SppnetError: no image is left to train on.

    Source: release spp_finetune_voc.m. Differs: it holds out images of the test set.
    """
    order = torch.randperm(len(regions), generator=torch.Generator().manual_seed(seed)).tolist()
    held = max(1, round(fraction * len(regions))) if fraction else 0
    if held >= len(regions):
        raise SppnetError(
            f"--holdout: {fraction} of {len(regions)} images leaves none to train on; "
            "lower it or use more images"
        )
    return [regions[i] for i in order[held:]], [regions[i] for i in order[:held]]


def chunk_images(
    regions: Sequence[ImageRegions], chunk: int, count: int, seed: int
) -> list[ImageRegions]:
    """The images of a chunk: `count` entries of an endless row of seeded permutations."""
    images = []
    for index in range(chunk * count, (chunk + 1) * count):
        turn, position = divmod(index, len(regions))
        order = np.random.default_rng([seed, turn]).permutation(len(regions))
        images.append(regions[order[position]])
    return images


def batch_rows(labels: Tensor, sampling: Sampling, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows of each batch of a chunk: a fixed share of foreground, the rest background.

    Either kind is gone through in random order, again and again when it is scarce; where one kind
    is lacking altogether the other fills the batch.

    Args:
        labels: int64 `Tensor[K]`, 0 background.
        sampling: sizes of batch and chunk.
        generator: source of the order.

    Yields:
        int64 `Tensor[batch]`, `sampling.chunk_iterations` times.

    Source: paper §4.1 (a quarter foreground).
    """
    foreground, background = torch.nonzero(labels > 0)[:, 0], torch.nonzero(labels == 0)[:, 0]
    positives = round(sampling.batch * sampling.positive_fraction) if len(foreground) else 0
    if not len(background):
        positives = sampling.batch
    negatives = sampling.batch - positives
    iterations = sampling.chunk_iterations
    chosen = _repeat(foreground, positives * iterations, generator).view(iterations, positives)
    others = _repeat(background, negatives * iterations, generator).view(iterations, negatives)
    yield from torch.cat([chosen, others], dim=1)


def _repeat(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` of the rows: random permutations one after the other."""
    if not count:
        return rows[:0]
    turns = -(-count // len(rows))
    orders = [torch.randperm(len(rows), generator=generator) for _ in range(turns)]
    return rows[torch.cat(orders)[:count]]
