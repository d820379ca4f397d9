"""Maxima of many rectangles of one map, each from at most four reads of a table.

A table of size 2^i x 2^j holds, for every cell, the maximum of the 2^i x 2^j cells that start
there. The maximum of any rectangle is the largest of four such entries, one at each corner, which
overlap inside the rectangle; fewer suffice where a side is a power of two.
"""

import math

import numpy as np
import torch
from torch import Tensor


class RectangleMaxima:
    """Table reads for a list of rectangles; equal rectangles are computed once.

    Args:
        rectangles: int64 `Tensor[B, 4]` top, left, height, width in cells, inside the map.
        height: of the map in cells.
        width: of the map in cells.

    Attributes:
        index: int64 `Tensor[B]`: row of each rectangle in the result of `of`.
    """

    def __init__(self, rectangles: Tensor, height: int, width: int) -> None:
        """Find the distinct rectangles and plan their reads."""
        distinct, self.index, counts = _distinct(rectangles, height, width)
        top, left, rows, columns = distinct
        row_power, column_power = _floor_log2(rows), _floor_log2(columns)
        used = sorted(set(zip(row_power.tolist(), column_power.tolist(), strict=True)))
        self._steps, slots = _build_steps(used, width)
        slot = slots.to(top.device)[row_power, column_power]
        corner = (slot * height + top) * width + left
        down = (rows - (1 << row_power)) * width
        right = columns - (1 << column_power)
        # `_distinct` sorts by kind: one read, then down, down and right, right.
        a, b, c, d = np.cumsum(counts).tolist()
        self._corner = corner
        self._further_reads = [
            (a, c, (corner + down)[a:c]),
            (b, d, (corner + right)[b:d]),
            (b, c, (corner + down + right)[b:c]),
        ]

    def of(self, cells: Tensor) -> Tensor:
        """Maxima of the distinct rectangles.

        Args:
            cells: `Tensor[height * width, C]`, the map row by row.

        Returns:
            `Tensor[U, C]`; rectangle b has row `index[b]`.
        """
        table = self._table(cells)
        maxima = uninitialised((len(self._corner), cells.shape[1]), cells)
        torch.index_select(table, 0, self._corner, out=maxima)
        for start, stop, positions in self._further_reads:
            part = maxima[start:stop]
            torch.maximum(part, table.index_select(0, positions), out=part)
        return maxima

    def _table(self, cells: Tensor) -> Tensor:
        """All tables, stacked: (tables * height * width, C)."""
        tables = uninitialised((len(self._steps), *cells.shape), cells)
        tables[0].copy_(cells)
        for slot, (source, shift) in enumerate(self._steps[1:], start=1):
            # Entries whose rectangle would leave the map are wrong or unset, and never read.
            half = tables[source]
            torch.maximum(half[:-shift], half[shift:], out=tables[slot, :-shift])
        return tables.flatten(0, 1)


def uninitialised(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Uninitialised tensor with the type and device of `like`.

    NumPy asks Linux for huge pages and torch does not: the first write to 100 MB takes 13 ms
    instead of 68 ms.
    """
    if like.device.type != "cpu" or 0 in shape:
        return torch.empty(shape, dtype=like.dtype, device=like.device)
    memory = np.empty(math.prod(shape) * like.element_size(), dtype=np.uint8)
    return torch.from_numpy(memory).view(like.dtype).view(shape)


def _distinct(rectangles: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, list[int]]:
    """Distinct rectangles (4, U) sorted by kind, row of each rectangle, number per kind.

    Kinds by the reads beside the top left corner: 0 none, 1 down, 2 down and right, 3 right.
    """
    top, left, rows, columns = rectangles.unbind(1)
    down, right = _is_not_power(rows), _is_not_power(columns)
    kind = torch.where(right, 3 - down.long(), down.long())
    key = (((kind * height + top) * width + left) * height + rows - 1) * width + columns - 1
    key, index = torch.unique(key, return_inverse=True)
    fields = []
    for base in (width, height, width, height):
        fields.append(key % base)
        key = key // base
    columns, rows, left, top = fields
    counts = torch.bincount(key, minlength=4).tolist()
    return torch.stack([top, left, rows + 1, columns + 1]), index, counts


def _build_steps(used: list[tuple[int, int]], width: int) -> tuple[list[tuple[int, int]], Tensor]:
    """Order in which tables are built, as (source table, shift in cells), and slot by powers.

    A table is the maximum of a table half as wide, or half as high, and itself shifted.
    """
    needed = {(rows, j) for rows, columns in used for j in range(columns + 1)}
    needed |= {(i, 0) for rows, _ in used for i in range(rows + 1)}
    order = sorted(needed)
    slots = torch.zeros(1 + max(i for i, _ in order), 1 + max(j for _, j in order)).long()
    steps = []
    for slot, (i, j) in enumerate(order):
        slots[i, j] = slot
        source = slots[i, j - 1] if j else slots[max(i - 1, 0), 0]
        steps.append((int(source), 1 << (j - 1) if j else width << i >> 1))
    return steps, slots


def _floor_log2(sizes: Tensor) -> Tensor:
    return (torch.frexp(sizes.float()).exponent - 1).long()


def _is_not_power(sizes: Tensor) -> Tensor:
    return (sizes & (sizes - 1)) != 0
