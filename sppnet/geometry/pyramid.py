"""Spatial pyramid pooling: the layer for whole maps, and many windows of one map at once.

Level n has n x n bins. Bin i of n covers [floor(i w / n), ceil((i + 1) w / n)) of w cells, in
training and in testing. The pooled vector holds the levels in the order given; inside a
level first the channel, then the row, then the column of the bin.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.geometry.rectangle_maxima import RectangleMaxima, uninitialised

# Channels pooled together: their tables fit a last-level cache (benchmarks/pool_windows.py).
CHANNEL_BYTES = 256
# Bins copied to the output together: they fit the cache of a core; a GPU prefers large steps.
BLOCK_BYTES = {"cpu": 1 << 19}
BLOCK_BYTES_ELSEWHERE = 1 << 26


def bin_edges(length: int, bins: int) -> list[tuple[int, int]]:
    """Cell ranges of one pyramid level along one axis.

    Bin i of n covers [floor(i w / n), ceil((i + 1) w / n)), with w = length and n = bins.
    No bin is empty; neighbours may share cells.

    Args:
        length: w, feature-map cells along the axis, at least 1.
        bins: n, bins of the level along the axis, at least 1.

    Returns:
        n half-open ranges (start, stop) in 0-based map cells.

    Raises:
        SppnetError: length or bins below 1.

    Source: paper appendix A; release spm_pool_caffe_mex.cpp (in float32, but equal for n = 1, 2, 3,
        4, 6); computed bins (why not the windows of paper §2.3).
    """
    if length < 1 or bins < 1:
        raise SppnetError(f"bin_edges: length and bins must be at least 1, got {length} and {bins}")
    return [(i * length // bins, -(-(i + 1) * length // bins)) for i in range(bins)]


def pyramid_pool(maps: Tensor, levels: Sequence[int]) -> Tensor:
    """Maximum of every bin of every level; differentiable and deterministic.

    Args:
        maps: `Tensor[N, C, H, W]`, H and W at least 1.
        levels: bins per side of each level, for example (6, 3, 2, 1).

    Returns:
        `Tensor[N, C * sum(n * n)]`: levels in the order given; inside one C, then row, then column.

    Raises:
        SppnetError: maps are not (N, C, H, W), or a level is below 1.

    Source: paper §2.2; paper appendix A.
    """
    _check_levels(levels)
    if maps.ndim != 4 or 0 in maps.shape[1:]:
        raise SppnetError(f"maps: shape is {tuple(maps.shape)}; give (N, C, H, W) without zeros")
    pooled: dict[int, Tensor] = {}
    for level in sorted(set(levels), reverse=True):
        # Bins of a level that divides a finer one are unions of the finer bins.
        source = next((pooled[finer] for finer in pooled if finer % level == 0), maps)
        pooled[level] = _pool_level(source, level)
    return torch.cat([pooled[level].flatten(1) for level in levels], dim=1)


class SpatialPyramidPooling(nn.Module):
    """`pyramid_pool` as a layer: (N, C, H, W) -> (N, C * sum(n * n)) for any H and W.

    Source: paper §2.2.
    """

    def __init__(self, levels: Sequence[int] = (6, 3, 2, 1)) -> None:
        """levels: bins per side of each level.

        Raises:
            SppnetError: a level is below 1.
        """
        super().__init__()
        _check_levels(levels)
        self.levels = tuple(levels)

    def forward(self, maps: Tensor) -> Tensor:
        """`Tensor[N, C, H, W]` -> `Tensor[N, C * sum(n * n)]`."""
        return pyramid_pool(maps, self.levels)

    def extra_repr(self) -> str:
        """Levels, for printing."""
        return f"levels={self.levels}"


class WindowPooling:
    """`pool_windows` for maps of one size and the same windows, prepared once.

    Args:
        windows: integer `Tensor[K, 4]` x1 y1 x2 y2, half-open cells inside the map, on its device.
        map_size: height and width of the maps in cells.
        levels: bins per side of each level.

    Raises:
        SppnetError: a level below 1, wrong shape or type, a window that is empty or leaves the map.

    Source: paper appendix A.
    """

    def __init__(self, windows: Tensor, map_size: tuple[int, int], levels: Sequence[int]) -> None:
        _check_levels(levels)
        windows = _checked_windows(windows, map_size)
        self.count, self.map_size, self.levels = len(windows), map_size, tuple(levels)
        bins = [_window_bins(windows, level) for level in levels]
        self.rectangles = RectangleMaxima(torch.cat(bins), *map_size) if self.count else None

    @torch.no_grad()
    def __call__(self, map: Tensor) -> Tensor:
        """As `pool_windows`.

        Raises:
            SppnetError: not a floating point map of the size.
        """
        _check_map(map)
        if map.shape[1:] != self.map_size:
            raise SppnetError(
                f"map: {tuple(map.shape[1:])} cells; give {self.map_size}, as for the windows"
            )
        channels, levels = len(map), self.levels
        bins = sum(level * level for level in levels)
        pooled = uninitialised((self.count, channels * bins), map)
        if self.rectangles is None:
            return pooled
        cells = map.permute(1, 2, 0).flatten(0, 1)
        step = CHANNEL_BYTES // map.element_size()
        for start in range(0, channels, step):
            maxima = self.rectangles.of(cells[:, start : start + step])
            first = 0
            for level in levels:
                stop = first + level * level
                part = pooled[:, first * channels : stop * channels]
                part = part.view(self.count, channels, level * level)[:, start : start + step]
                index = self.rectangles.index[first * self.count : stop * self.count]
                _write_bins(maxima, index, part)
                first = stop
        return pooled


def pool_windows(map: Tensor, windows: Tensor, levels: Sequence[int]) -> Tensor:
    """Pyramid of every window of one map, equal to `pyramid_pool` of the cropped windows.

    Besides the output it needs 256 bytes per bin of the windows, and 256 bytes per cell and table
    (at most 36 tables on maps of up to 63 x 63 cells).

    Args:
        map: `Tensor[C, H, W]`, floating point, in any memory order (fastest: channels last).
        windows: integer `Tensor[K, 4]` x1 y1 x2 y2, half-open cells inside the map.
        levels: bins per side of each level.

    Returns:
        `Tensor[K, C * sum(n * n)]` of the map's type on its device, in the order of `pyramid_pool`;
        without gradient.

    Raises:
        SppnetError: wrong shape or type, a level below 1, a window that is empty or leaves the map.

    Source: paper appendix A; release spm_pool_caffe_mex.cpp.
    """
    _check_map(map)
    height, width = map.shape[1:]
    return WindowPooling(windows.to(map.device), (height, width), levels)(map)


def _write_bins(maxima: Tensor, index: Tensor, out: Tensor) -> None:
    """Copy rows of maxima (U, C), index (K * bins), to out (K, C, bins) in blocks of windows."""
    channels, bins = out.shape[1:]
    block_bytes = BLOCK_BYTES.get(out.device.type, BLOCK_BYTES_ELSEWHERE)
    block = max(1, block_bytes // (channels * bins * out.element_size()))
    for start in range(0, len(out), block):
        positions = index[start * bins : (start + block) * bins]
        rows = maxima.index_select(0, positions).view(-1, bins, channels)
        out[start : start + block].copy_(rows.transpose(1, 2))


def _window_bins(windows: Tensor, level: int) -> Tensor:
    """Bins of windows (K, 4): (K * level², 4) top, left, height, width; row by row per window."""
    i = torch.arange(level, device=windows.device)
    origin, size = windows[:, :2, None], (windows[:, 2:] - windows[:, :2])[:, :, None]
    start = i * size // level
    length = -(-(i + 1) * size // level) - start
    start = start + origin
    grid = (len(windows), level, level)
    columns = [edge[:, 0, None, :].expand(grid) for edge in (start, length)]
    rows = [edge[:, 1, :, None].expand(grid) for edge in (start, length)]
    return torch.stack([rows[0], columns[0], rows[1], columns[1]], dim=3).view(-1, 4)


def _pool_level(maps: Tensor, level: int) -> Tensor:
    """One level: (N, C, H, W) -> (N, C, level, level)."""
    if maps.device.type == "cpu":
        # Channels last: 5 times faster than the other order, conversion included.
        maps = maps.contiguous(memory_format=torch.channels_last)
        return functional.adaptive_max_pool2d(maps, level)
    return _pool_slices(maps, level)


def _pool_slices(maps: Tensor, level: int) -> Tensor:
    """One level from slices, because adaptive_max_pool2d adds CUDA gradients in random order."""
    rows = bin_edges(maps.shape[2], level)
    columns = bin_edges(maps.shape[3], level)
    maps = torch.stack([maps[:, :, start:stop].amax(2) for start, stop in rows], dim=2)
    return torch.stack([maps[..., start:stop].amax(3) for start, stop in columns], dim=3)


def _check_levels(levels: Sequence[int]) -> None:
    if not levels or min(levels) < 1:
        raise SppnetError(f"levels: got {list(levels)}; give one or more numbers of at least 1")


def _check_map(map: Tensor) -> None:
    if map.ndim != 3 or not map.is_floating_point() or 0 in map.shape:
        raise SppnetError(
            f"map: {map.dtype} of shape {tuple(map.shape)}; give floating point (C, H, W)"
        )


def _checked_windows(windows: Tensor, map_size: tuple[int, int]) -> Tensor:
    """Windows as int64."""
    whole = not (windows.is_floating_point() or windows.is_complex() or windows.dtype == torch.bool)
    if windows.ndim != 2 or windows.shape[1] != 4 or not whole:
        raise SppnetError(
            f"windows: {windows.dtype} of shape {tuple(windows.shape)}; give integer cells (K, 4)"
        )
    windows = windows.long()
    height, width = map_size
    limit = torch.tensor([width, height], device=windows.device)
    low, high = windows[:, :2], windows[:, 2:]
    bad = ((low < 0) | (high > limit) | (low >= high)).any(dim=1).nonzero().flatten().tolist()
    if bad:
        raise SppnetError(
            f"windows: row {bad[0]} is {windows[bad[0]].tolist()}; give half-open cells x1 y1 x2 y2"
            f" with x1 < x2 and y1 < y2, inside the map of {width} x {height} cells"
        )
    return windows
