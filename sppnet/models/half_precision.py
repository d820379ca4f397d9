"""Storage of features in half precision, clamped to its range with a warning."""

import sys
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor

from sppnet.data.store import ArrayWriter
from sppnet.errors import SppnetError

HALF_MAXIMUM = torch.finfo(torch.float16).max


class FeatureWriter(ArrayWriter):
    """Stores features of a network in half precision, clamped to its range.

    The number of clamped values is printed on standard error at the end, and stored in the index
    (`clamped`).

    Args:
        path: the `.npy` to write, its index beside it (see `ArrayWriter`).
        restart: folder for unfinished work; it stays when values are refused.
        weights: the network's file, named in messages.
        layers: number of consecutive arrays of each image.
    """

    def __init__(self, path: Path, restart: Path, weights: Path, layers: int = 1) -> None:
        super().__init__(path, "float16", restart)
        self.weights, self.layers = weights, layers

    def store(self, key: str, values: Tensor) -> None:
        """Add the features `Tensor[..., C]` of an image, or of a layer of it, from any device.

        Raises:
            SppnetError: a value is NaN or infinite.
        """
        clamped = int((values.abs() <= HALF_MAXIMUM).logical_not_().sum())
        if clamped and not values.isfinite().all():
            raise SppnetError(
                f"{self.path}: {self.weights} gives NaN or infinity for image {key}; start again, "
                "and if that does not help, train or import this network anew"
            )
        half = values.clamp(-HALF_MAXIMUM, HALF_MAXIMUM).to(torch.float16)
        self.append(key, half.cpu().numpy(), clamped=clamped)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and (warning := self._warning()):
            print(f"sppnet: {warning}", file=sys.stderr, flush=True)

    def _warning(self) -> str:
        """One line on the clamped values; empty if there are none."""
        counts = [entry["clamped"] for entry in self._entries]
        if not any(counts):
            return ""
        images = {index // self.layers for index, count in enumerate(counts) if count}
        worst = self._entries[counts.index(max(counts))]["key"]
        return (
            f"{self.path}: {sum(counts)} values in {len(images)} of {len(counts) // self.layers} "
            f"images are beyond half precision and stored as its limit, {HALF_MAXIMUM:g}, the "
            f"most in {worst}; raise map_std, by which the maps of {self.weights} are divided"
        )
