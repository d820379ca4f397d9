"""Pooling of boxes from the maps of a whole image, each at its best scale.

Detection and its timing share this code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sppnet.geometry.projection import choose_scale, pixel_scale, project_windows
from sppnet.geometry.pyramid import pool_windows
from sppnet.geometry.receptive_field import MapGeometry


@dataclass(frozen=True)
class ScalePooling:
    """Pooling of boxes from maps of an image at several scales.

    Attributes:
        sizes: shorter sides of the resized image in pixels, one per scale.
        geometry: stride and offset of the backbone that computes the maps.
        levels: bins per side of each pyramid level.
        target: preferred side of a box at its scale, in pixels (the paper's 224).
    """

    sizes: tuple[int, ...]
    geometry: MapGeometry
    levels: tuple[int, ...]
    target: float

    def windows(
        self,
        boxes: Tensor,
        short_side: int,
        map_sizes: Sequence[tuple[int, int]],
        scales: Tensor | None = None,
    ) -> Tensor:
        """Scale and map window of each box. Boxes with equal rows have equal features.

        Args:
            boxes: `Tensor[K, 4]` in pixels of the original image.
            short_side: shorter side of the original image in pixels.
            map_sizes: height and width of the map of each scale in cells.
            scales: int64 `Tensor[K]`, index into `sizes` for each box; None selects the best scale.

        Returns:
            int64 `Tensor[K, 5]`: index into `sizes`, x1 y1 x2 y2 in half-open cells.

        Source: release spm_response_boxes.m, which drops repeated negatives by such a key.
            Differs: it uses windows before clamping to the map, which distinguishes a few more
            boxes.
        """
        if scales is None:
            scales = choose_scale(boxes, short_side, self.sizes, target=self.target)
        windows = torch.empty(len(boxes), 5, dtype=torch.int64)
        windows[:, 0] = scales
        for scale in sorted(set(scales.tolist())):
            chosen = scales == scale
            factor = pixel_scale(short_side, self.sizes[scale])
            windows[chosen, 1:] = project_windows(
                boxes[chosen], self.geometry, map_sizes[scale], factor
            )
        return windows

    def pool(self, map_at: Callable[[int], Tensor], windows: Tensor) -> Tensor:
        """Pooled features of windows.

        Args:
            map_at: returns the map of a scale, float32 `Tensor[C, H, W]`, by index into `sizes`.
            windows: int64 `Tensor[K, 5]` from `windows`.

        Returns:
            float32 `Tensor[K, D]` on the device of the maps.
        """
        scales = windows[:, 0]
        present = sorted(set(scales.tolist())) or [0]
        if len(present) == 1:  # no copy
            return self._pool(map_at(present[0]), windows)
        pooled = torch.empty(0)
        for scale in present:
            chosen = torch.nonzero(scales == scale).flatten()
            part = self._pool(map_at(scale), windows[chosen])
            if not len(pooled):
                pooled = part.new_empty(len(windows), part.shape[1])
            pooled[chosen.to(part.device)] = part
        return pooled

    def _pool(self, maps: Tensor, windows: Tensor) -> Tensor:
        return pool_windows(maps, windows[:, 1:].to(maps.device), self.levels)
