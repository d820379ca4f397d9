"""Training batches of single-label images: crops of the whole image, flips, altered colours."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sppnet.data.images import read_image, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.errors import SppnetError
from sppnet.geometry.views import five_positions
from sppnet.models.network import Architecture
from sppnet.progress import track

IMAGES_FOR_COLOURS = 500  # a sample is enough for a 3 x 3 covariance


def load_images(records: Sequence[ImageRecord], size: int) -> list[np.ndarray]:
    """Decode every image once and keep it in memory, its shorter side resized to `size` pixels.

    Returns:
        uint8 `(H, W, 3)` RGB, in the order of the records.
    """
    return [
        resize_shorter_side(read_image(Path(record.path)), size)
        for record in track(records, f"images at {size} px")
    ]


def label_indices(records: Sequence[ImageRecord], classes: Sequence[str]) -> Tensor:
    """int64 `Tensor[N]`: place of each image's label in `classes`.

    Raises:
        SppnetError: a label that `classes` lacks.
    """
    places = {name: place for place, name in enumerate(classes)}
    unknown = sorted({str(record.label) for record in records} - set(places))
    if unknown:
        raise SppnetError(f"label {unknown[0]!r}: the training set lacks it; run prepare again")
    return torch.tensor([places[str(record.label)] for record in records])


def colour_components(images: Sequence[np.ndarray]) -> Tensor:
    """Principal components of the pixels' colours, each scaled by its standard deviation.

    Args:
        images: uint8 `(H, W, 3)` RGB.

    Returns:
        float32 `Tensor[3, 3]`; column i is the i-th component in pixel values.

    Source: Krizhevsky et al. 2012, §4.1, which the paper follows.
    """
    step = max(1, len(images) // IMAGES_FOR_COLOURS)
    pixels = np.concatenate([image[::4, ::4].reshape(-1, 3) for image in images[::step]])
    values, vectors = np.linalg.eigh(np.cov(pixels.T.astype(np.float64)))
    return torch.from_numpy(vectors * np.sqrt(values.clip(min=0))).float()


class TrainingCrops:
    """Batches for `fit`: per image one of five positions, perhaps mirrored, colours altered.

    Args:
        images: uint8 `(H, W, 3)` RGB, no side shorter than `crop`.
        labels: int64 `Tensor[N]`.
        architecture: mean, deviation and channel order that the network wants.
        crop: side of the crops, pixels.
        batch: images per batch; a smaller rest is dropped.
        colour: deviation of the colour alteration in units of `colour_components`; 0 turns it off.
        images_per_epoch: images drawn per epoch, without replacement; None takes all.

    Source: paper §3.1.1 (five positions of the entire image, flips, colour alteration).
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        labels: Tensor,
        architecture: Architecture,
        *,
        crop: int,
        batch: int,
        colour: float,
        images_per_epoch: int | None,
    ) -> None:
        self.images, self.labels, self.architecture = images, labels, architecture
        self.crop, self.batch, self.colour = crop, batch, colour
        self.count = min(images_per_epoch or len(images), len(images))
        self.positions = [
            five_positions(image.shape[0], image.shape[1], crop).tolist() for image in images
        ]
        self.components = colour_components(images)

    def __call__(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of one epoch: float32 `Tensor[B, 3, crop, crop]` and int64 `Tensor[B]`."""
        order = torch.randperm(len(self.images), generator=generator)[: self.count]
        for rows in torch.split(order, self.batch):
            if len(rows) == self.batch or len(order) < self.batch:
                yield self._inputs(rows, generator), self.labels[rows]

    def _inputs(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        places = torch.randint(5, (len(rows),), generator=generator).tolist()
        flips = torch.randint(2, (len(rows),), generator=generator).tolist()
        crops = np.empty((len(rows), self.crop, self.crop, 3), np.uint8)
        for number, (row, place, flip) in enumerate(zip(rows.tolist(), places, flips, strict=True)):
            x1, y1, x2, y2 = self.positions[row][place]
            window = self.images[row][y1:y2, x1:x2]
            crops[number] = window[:, ::-1] if flip else window
        strengths = self.colour * torch.randn(len(rows), 3, generator=generator)
        return normalise(crops, self.architecture, shift=strengths @ self.components.T)


def normalise(
    crops: np.ndarray, architecture: Architecture, *, shift: Tensor | None = None
) -> Tensor:
    """Pixels as the network takes them.

    Args:
        crops: uint8 `(N, H, W, 3)` RGB.
        architecture: mean, deviation and channel order.
        shift: float `Tensor[N, 3]` added to the RGB values of each crop; None for nothing.

    Returns:
        float32 `Tensor[N, 3, H, W]`, channels last in memory.
    """
    pixels = torch.from_numpy(crops).float()
    if shift is not None:
        pixels += shift[:, None, None]
    if architecture.channel_order == "BGR":
        pixels = pixels.flip(3)
    pixels = (pixels - torch.tensor(architecture.mean)) / architecture.std
    return pixels.permute(0, 3, 1, 2)
