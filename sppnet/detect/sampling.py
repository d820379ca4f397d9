"""Sampling of images and boxes for the batches of fine-tuning.

Iterations are grouped into chunks: a chunk takes some training images, samples boxes from each
once, and forms balanced batches of them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import FineTuning, Sampling
from sppnet.errors import SppnetError
from sppnet.models.schedule import Schedule


def chunk_iterations(sampling: Sampling) -> int:
    """Number of iterations per chunk, so that each sampled box is used about once."""
    return max(1, sampling.images_per_chunk * sampling.windows_per_image // sampling.batch)


def chunk_schedule(finetuning: FineTuning) -> Schedule:
    """Schedule whose epochs are chunks; iterations and milestones are rounded up to whole chunks.

    Source: release spp_finetune_voc.m (chunks).
    """

    def chunks(iterations: int) -> int:
        return -(-iterations // chunk_iterations(finetuning))

    return Schedule(
        learning_rate=finetuning.learning_rate,
        milestones=tuple(map(chunks, finetuning.milestones)),
        epochs=chunks(finetuning.iterations),
        momentum=finetuning.momentum,
        weight_decay=finetuning.weight_decay,
        warmup=finetuning.warmup,
    )


def hold_out(
    regions: Sequence[ImageRegions], fraction: float, seed: int
) -> tuple[list[ImageRegions], list[ImageRegions]]:
    """Split images at random into a training set and a held-out set.

    A fraction of 0 holds out no image; any other fraction holds out at least one.

    Raises:
        SppnetError: no image remains to train on.

    Source: release spp_finetune_voc.m. Differs: it holds out images of the test set.
    """
    order = torch.randperm(len(regions), generator=torch.Generator().manual_seed(seed)).tolist()
    count = max(1, round(fraction * len(regions))) if fraction else 0
    if count >= len(regions):
        raise SppnetError(
            f"--holdout: {fraction} of {len(regions)} images leaves none to train on; "
            "lower it or use more images"
        )
    return [regions[i] for i in order[count:]], [regions[i] for i in order[:count]]


def chunk_images(
    regions: Sequence[ImageRegions], chunk: int, count: int, seed: int
) -> list[ImageRegions]:
    """The images of a chunk: the next `count` of an endless sequence of seeded permutations."""
    images = []
    for index in range(chunk * count, (chunk + 1) * count):
        turn, position = divmod(index, len(regions))
        order = np.random.default_rng([seed, turn]).permutation(len(regions))
        images.append(regions[order[position]])
    return images


def batch_rows(labels: Tensor, sampling: Sampling, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows of each batch of a chunk: a fixed fraction is foreground, the rest background.

    Rows of both kinds are taken in random order, repeatedly if they are scarce. If a chunk has no
    rows of one kind, the other fills the batch.

    Args:
        labels: int64 `Tensor[K]`, 0 background.
        sampling: sizes of batches and chunks, fraction of foreground.
        generator: source of the random order.

    Yields:
        int64 `Tensor[batch]`, `chunk_iterations` times.

    Source: paper §4.1 (a quarter foreground).
    """
    foreground, background = torch.nonzero(labels > 0)[:, 0], torch.nonzero(labels == 0)[:, 0]
    positives = round(sampling.batch * sampling.positive_fraction) if len(foreground) else 0
    if not len(background):
        positives = sampling.batch
    negatives = sampling.batch - positives
    iterations = chunk_iterations(sampling)
    positive_rows = _repeat(foreground, positives * iterations, generator).view(
        iterations, positives
    )
    negative_rows = _repeat(background, negatives * iterations, generator).view(
        iterations, negatives
    )
    yield from torch.cat([positive_rows, negative_rows], dim=1)


def _repeat(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` rows, from consecutive random permutations."""
    if not count:
        return rows[:0]
    turns = -(-count // len(rows))
    orders = [torch.randperm(len(rows), generator=generator) for _ in range(turns)]
    return rows[torch.cat(orders)[:count]]
