"""Training batches of single-label images: crops, flips and colour alteration."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from sppnet.classify.input_workers import Plan, cut_all
from sppnet.data.images import read_listed, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.errors import SppnetError
from sppnet.models.network import Architecture
from sppnet.models.preprocessing import normalise
from sppnet.models.processes import process_count, process_number
from sppnet.models.settings import Crops, Sizes
from sppnet.progress import track

IMAGES_FOR_COLOURS = 500  # enough for a 3 x 3 covariance


def load_images(records: Sequence[ImageRecord], size: int) -> list[np.ndarray]:
    """Decode all images into memory, with the shorter side resized to `size` pixels.

    Returns:
        uint8 `(H, W, 3)` RGB, in the order of the records.
    """
    return [
        resize_shorter_side(read_listed(record), size)
        for record in track(records, f"images at {size} px")
    ]


def label_indices(records: Sequence[ImageRecord], classes: Sequence[str]) -> Tensor:
    """int64 `Tensor[N]`: index of each image's label in `classes`.

    Raises:
        SppnetError: a label is not among `classes`.
    """
    return class_indices([str(record.label) for record in records], classes)


def class_indices(labels: Iterable[str], classes: Sequence[str]) -> Tensor:
    """Like `label_indices`, but for labels instead of records."""
    indices = {name: index for index, name in enumerate(classes)}
    labels = list(labels)
    unknown = sorted(set(labels) - set(indices))
    if unknown:
        raise SppnetError(
            f"label {unknown[0]!r}: not in the training set; prepare the data set again"
        )
    return torch.tensor([indices[label] for label in labels])


def colour_components(images: Sequence[np.ndarray]) -> Tensor:
    """Principal components of the pixels' colours, each scaled by its standard deviation.

    Args:
        images: uint8 `(H, W, 3)` RGB.

    Returns:
        float32 `Tensor[3, 3]`; column i is the i-th component in pixel values.

    Source: AlexNet §4.1; paper §3.1 (follows it).
    """
    step = max(1, len(images) // IMAGES_FOR_COLOURS)
    pixels = np.concatenate([image[::4, ::4].reshape(-1, 3) for image in images[::step]])
    values, vectors = np.linalg.eigh(np.cov(pixels.T.astype(np.float64)))
    return torch.from_numpy(vectors * np.sqrt(values.clip(min=0))).float()


class TrainingCrops:
    """Batches for `fit`: each image is cropped at one of five positions, randomly mirrored and its
    colours altered.

    Args:
        images: uint8 `(H, W, 3)` RGB, no side shorter than a crop.
        labels: int64 `Tensor[N]`.
        architecture: mean, standard deviation and channel order of the network.
        crops: side of the crops, strength of colour alteration in units of `colour_components`
            (0 disables it), and batch size; a smaller last batch is dropped.
        sizes: network input sizes that crops are resized to: the sizes in turn, one per epoch, or
            an integer between the smallest and the largest, drawn once per epoch.
        images_per_epoch: number of images drawn per epoch, without replacement; None takes all.
        workers: number of processes that crop (and decode, if `images` decodes on access); 0
            crops in the main process. Does not change the batches.
        device: device of the inputs; None for the CPU.

    If several processes train together, each gets its share of every batch.

    Attributes:
        size: side of the network input in the current epoch, in pixels.

    Source: paper §3.1 (five positions of the entire image, flips, colour alteration); paper §2.3
        (sizes: the same region resized, not a smaller crop); paper §3.1.3 (a random size).
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        labels: Tensor,
        architecture: Architecture,
        *,
        crops: Crops,
        sizes: Sizes,
        images_per_epoch: int | None,
        workers: int,
        device: torch.device | None = None,
    ) -> None:
        self.images, self.labels, self.architecture = images, labels, architecture
        self.sizes, self.size_choice, self.size = sizes.sizes, sizes.size_choice, sizes.sizes[0]
        self.crop, self.batch, self.colour = crops.crop, crops.batch, crops.colour
        self.workers, self.device = workers, device
        self.count = min(images_per_epoch or len(images), len(images))
        self.components = colour_components(images)

    def __call__(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of one epoch: float32 `Tensor[B, 3, size, size]` and int64 `Tensor[B]`."""
        self.size = self._choose_size(epoch, generator)
        plans = self._plans(generator)
        for plan, crops in cut_all(self.images, self.crop, plans, workers=self.workers):
            shift = torch.from_numpy(plan.strengths) @ self.components.T
            pixels = torch.from_numpy(crops).to(self.device)
            inputs = normalise(pixels, self.architecture, shift=shift)
            yield inputs, self.labels[plan.rows]

    def _choose_size(self, epoch: int, generator: torch.Generator) -> int:
        if self.size_choice == "alternate" or len(self.sizes) == 1:
            return self.sizes[epoch % len(self.sizes)]
        low, high = min(self.sizes), max(self.sizes)
        return int(torch.randint(low, high + 1, (1,), generator=generator))

    def _plans(self, generator: torch.Generator) -> Iterator[Plan]:
        """All random choices of an epoch, independent of the number of workers."""
        order = torch.randperm(len(self.images), generator=generator)[: self.count]
        parts = process_count()
        for rows in torch.split(order, self.batch):
            # Equal shares per process, or else their mean gradient is not that of the batch.
            if len(rows) == self.batch or (len(order) < self.batch and parts == 1):
                positions = torch.randint(5, (len(rows),), generator=generator).tolist()
                flips = torch.randint(2, (len(rows),), generator=generator).tolist()
                strengths = self.colour * torch.randn(len(rows), 3, generator=generator)
                plan = Plan(rows.tolist(), positions, flips, self.size, strengths.numpy())
                yield plan.share(process_number(), parts)
