import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.geometry import pyramid
from sppnet.geometry.pyramid import (
    SpatialPyramidPooling,
    WindowPooling,
    bin_edges,
    pool_windows,
    pyramid_pool,
)

# The same examples on every run.
REPEATABLE = settings(derandomize=True)
# floor(i w / n) and ceil((i + 1) w / n) by hand, for the map sizes of the paper
EDGES = {
    (13, 6): [(0, 3), (2, 5), (4, 7), (6, 9), (8, 11), (10, 13)],
    (13, 4): [(0, 4), (3, 7), (6, 10), (9, 13)],
    (13, 3): [(0, 5), (4, 9), (8, 13)],
    (13, 2): [(0, 7), (6, 13)],
    (13, 1): [(0, 13)],
    (10, 6): [(0, 2), (1, 4), (3, 5), (5, 7), (6, 9), (8, 10)],
    (10, 4): [(0, 3), (2, 5), (5, 8), (7, 10)],
    (10, 3): [(0, 4), (3, 7), (6, 10)],
    (10, 2): [(0, 5), (5, 10)],
    (14, 6): [(0, 3), (2, 5), (4, 7), (7, 10), (9, 12), (11, 14)],
    (14, 4): [(0, 4), (3, 7), (7, 11), (10, 14)],
    (14, 3): [(0, 5), (4, 10), (9, 14)],
    (18, 6): [(0, 3), (3, 6), (6, 9), (9, 12), (12, 15), (15, 18)],
    (18, 4): [(0, 5), (4, 9), (9, 14), (13, 18)],
    (18, 3): [(0, 6), (6, 12), (12, 18)],
    (2, 6): [(0, 1), (0, 1), (0, 1), (1, 2), (1, 2), (1, 2)],
    (1, 3): [(0, 1), (0, 1), (0, 1)],
}
LEVELS = [(6, 3, 2, 1), (1, 2, 3, 6), (4, 3, 2, 1), (6,), (5, 2), (2, 7, 2)]


def random_maps(shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def naive_pool(maps, levels):
    """Every bin cut out of the map and looked through, in the documented order."""
    height, width = maps.shape[2:]
    parts = []
    for n in levels:
        for c in range(maps.shape[1]):
            for y in range(n):
                rows = slice(y * height // n, -(-(y + 1) * height // n))
                for x in range(n):
                    columns = slice(x * width // n, -(-(x + 1) * width // n))
                    parts.append(maps[:, c, rows, columns].flatten(1).amax(1))
    return torch.stack(parts, dim=1)


def sliding(length, bins):
    """Ranges of windows of ceil(a / n) cells, floor(a / n) apart, as the paper has it."""
    window, stride = -(-length // bins), length // bins
    return [(start, start + window) for start in range(0, length - window + 1, stride)]


@pytest.mark.parametrize(("length", "bins"), EDGES)
def test_bin_edges_by_hand(length, bins):
    assert bin_edges(length, bins) == EDGES[length, bins]


@pytest.mark.parametrize("bins", [1, 2, 3, 4, 6])
def test_bins_are_sliding_windows_where_the_remainder_is_0_or_1(bins):
    for length in range(bins, 101):
        assert (bin_edges(length, bins) == sliding(length, bins)) == (length % bins in (0, 1))


@settings(REPEATABLE)
@given(st.integers(1, 200), st.integers(1, 12))
def test_bins_cover_all_cells_and_are_never_empty(length, bins):
    edges = bin_edges(length, bins)
    assert len(edges) == bins and all(start < stop for start, stop in edges)
    assert {cell for edge in edges for cell in range(*edge)} == set(range(length))


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("size", [(13, 13), (10, 14), (18, 7), (1, 1), (5, 3)])
def test_pooling_equals_the_naive_loop(size, levels):
    maps = random_maps((2, 3, *size)) - 3  # some bins without a positive value
    assert torch.equal(pyramid_pool(maps, levels), naive_pool(maps, levels))
    assert torch.equal(SpatialPyramidPooling(levels)(maps), naive_pool(maps, levels))


@pytest.mark.parametrize(("size", "level"), [(13, 6), (13, 4), (13, 2), (10, 3), (18, 6), (18, 2)])
def test_pooling_equals_sliding_windows(size, level):
    maps = random_maps((2, 3, size, size))
    slid = functional.max_pool2d(maps, -(-size // level), stride=size // level)
    assert torch.equal(pyramid_pool(maps, (level,)), slid.flatten(1))


def test_ten_cells_have_six_bins_where_windows_slide_nine_times():
    maps = random_maps((1, 1, 10, 10))
    assert functional.max_pool2d(maps, 2, stride=1).shape == (1, 1, 9, 9)
    assert pyramid_pool(maps, (6,)).shape == (1, 36)


def test_layout_is_level_channel_row_column():
    maps = torch.tensor([[[[1, 2], [3, 4]], [[8, 7], [6, 5]]]], dtype=torch.float32)
    assert pyramid_pool(maps, (2, 1)).tolist() == [[1, 2, 3, 4, 8, 7, 6, 5, 4, 8]]
    assert pyramid_pool(maps, (1, 2)).tolist() == [[4, 8, 1, 2, 3, 4, 8, 7, 6, 5]]
    assert pool_windows(maps[0], torch.tensor([[1, 0, 2, 2]]), (2, 1)).tolist() == [
        [2, 2, 4, 4, 7, 7, 5, 5, 4, 7]
    ]


def gradient(pool, maps, levels):
    maps = maps.clone().requires_grad_()
    pooled = pool(maps, levels)
    weights = torch.arange(1, pooled.numel() + 1, dtype=pooled.dtype).view(pooled.shape)
    (found,) = torch.autograd.grad((pooled * weights).sum(), maps)
    return found


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("size", [(13, 13), (7, 10), (2, 3)])
def test_gradients_are_those_of_the_naive_loop(size, levels):
    maps = random_maps((2, 2, *size), dtype=torch.float64)
    expected = gradient(naive_pool, maps, levels)
    assert torch.equal(gradient(pyramid_pool, maps, levels), expected)
    assert expected.count_nonzero() > 0


def test_slices_pool_like_the_layer_of_the_cpu():
    """What a GPU computes, computed on the CPU."""
    maps = random_maps((2, 3, 13, 9), dtype=torch.float64)
    for level in (1, 3, 6):
        assert torch.equal(
            pyramid._pool_slices(maps, level), functional.adaptive_max_pool2d(maps, level)
        )
        sliced, layered = (
            gradient(pool, maps, level)
            for pool in (pyramid._pool_slices, functional.adaptive_max_pool2d)
        )
        torch.testing.assert_close(sliced, layered, rtol=1e-12, atol=0)


@st.composite
def map_and_windows(draw):
    height, width, channels = (draw(st.integers(1, limit)) for limit in (24, 24, 6))
    dtype = draw(st.sampled_from([torch.float32, torch.float16, torch.float64]))
    map = random_maps((channels, height, width), draw(st.integers(0, 99)), dtype)
    order = draw(st.sampled_from(["plain", "negative", "channels last", "strided", "turned"]))
    if order == "negative":
        map = -1 - map.abs()
    elif order == "channels last":
        map = map.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    elif order == "strided":
        map = map.repeat_interleave(2, dim=2)[:, :, ::2]
    elif order == "turned":
        map = map.transpose(1, 2).contiguous().transpose(1, 2)
    windows = [
        [0, 0, width, height],
        *(draw(window(width, height)) for _ in range(draw(st.integers(0, 6)))),
    ]
    return map, torch.tensor(windows)


@st.composite
def window(draw, width, height):
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return [x, y, draw(st.integers(x + 1, width)), draw(st.integers(y + 1, height))]


def loop_over_windows(map, windows, levels):
    rows = []
    for x1, y1, x2, y2 in windows.tolist():
        part = map[:, y1:y2, x1:x2].contiguous()
        rows.append(torch.cat([functional.adaptive_max_pool2d(part, n).flatten() for n in levels]))
    return torch.stack(rows)


@settings(REPEATABLE, max_examples=150)
@given(map_and_windows(), st.sampled_from(LEVELS))
def test_windows_are_pooled_as_if_cut_out(drawn, levels):
    map, windows = drawn
    found = pool_windows(map, windows, levels)
    assert found.dtype == map.dtype
    assert torch.equal(found, loop_over_windows(map, windows, levels))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_many_channels_and_windows(dtype):
    """More channels than are pooled together, more windows than are copied together."""
    map = random_maps((150, 43, 57), dtype=dtype)
    generator = np.random.default_rng(0)
    corners = [np.sort(generator.integers(0, side, (90, 2)), axis=1) for side in (57, 43)]
    (x1, x2), (y1, y2) = (pair.T for pair in corners)
    windows = torch.from_numpy(np.stack([x1, y1, x2 + 1, y2 + 1], axis=1))
    expected = loop_over_windows(map, windows, (6, 3, 2, 1))
    assert torch.equal(pool_windows(map, windows, (6, 3, 2, 1)), expected)


def test_windows_once_prepared_serve_many_maps():
    maps = random_maps((3, 70, 5, 6))
    windows = torch.tensor([[0, 0, 6, 5], [2, 1, 5, 2]])
    pooling = WindowPooling(windows, (5, 6), (3, 1))
    for map in maps:
        assert torch.equal(pooling(map), loop_over_windows(map, windows, (3, 1)))


def test_a_window_of_one_cell_repeats_it():
    map = random_maps((3, 5, 6))
    found = pool_windows(map, torch.tensor([[4, 2, 5, 3]], dtype=torch.int32), (3, 1))
    assert torch.equal(found[0], torch.cat([map[:, 2, 4].repeat_interleave(9), map[:, 2, 4]]))


def test_no_window_gives_no_row():
    assert pool_windows(torch.zeros(2, 3, 4), torch.zeros(0, 4).long(), (2, 1)).shape == (0, 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_values_and_gradients():
    map = random_maps((70, 20, 30))
    windows = torch.tensor([[0, 0, 30, 20], [3, 4, 4, 9], [10, 2, 27, 19]])
    found = pool_windows(map.cuda(), windows, (6, 3, 2, 1))
    assert torch.equal(found.cpu(), pool_windows(map, windows, (6, 3, 2, 1)))
    levels = (6, 4, 3, 2, 1)
    on_gpu = gradient(pyramid_pool, map[None].cuda(), levels)
    torch.testing.assert_close(on_gpu.cpu(), gradient(pyramid_pool, map[None], levels))
    assert torch.equal(on_gpu, gradient(pyramid_pool, map[None].cuda(), levels))


MAP, WINDOW = torch.zeros(2, 3, 4), torch.tensor([[0, 0, 4, 3]])


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: bin_edges(0, 1), "bin_edges: .* got 0 and 1"),
        (lambda: bin_edges(1, 0), "bin_edges: .* got 1 and 0"),
        (lambda: pyramid_pool(MAP, (1,)), r"maps: shape is \(2, 3, 4\)"),
        (lambda: pyramid_pool(torch.zeros(1, 2, 0, 3), (1,)), "maps: shape"),
        (lambda: pyramid_pool(MAP[None], ()), r"levels: got \[\]"),
        (lambda: SpatialPyramidPooling((2, 0)), r"levels: got \[2, 0\]"),
        (lambda: pool_windows(MAP, WINDOW, (0,)), "levels: got"),
        (lambda: pool_windows(MAP.long(), WINDOW, (1,)), "map: torch.int64"),
        (lambda: pool_windows(MAP[None], WINDOW, (1,)), "map: .* shape"),
        (lambda: pool_windows(MAP[:0], WINDOW, (1,)), "map: .* shape"),
        (lambda: pool_windows(MAP, WINDOW.float(), (1,)), "windows: torch.float32"),
        (lambda: pool_windows(MAP, WINDOW.bool(), (1,)), "windows: torch.bool"),
        (lambda: pool_windows(MAP, WINDOW[:, :3], (1,)), r"windows: .* shape \(1, 3\)"),
        (lambda: pool_windows(MAP, WINDOW[0], (1,)), "windows: .* shape"),
        (
            lambda: WindowPooling(WINDOW, (3, 4), (1,))(MAP.mT),
            r"map: \(4, 3\) cells; give \(3, 4\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, part):
    with pytest.raises(SppnetError, match=part) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "window", [[-1, 0, 4, 3], [0, -1, 4, 3], [0, 0, 5, 3], [0, 0, 4, 4], [2, 0, 2, 3], [0, 2, 4, 1]]
)
def test_windows_outside_the_map_are_named(window):
    with pytest.raises(SppnetError, match=r"windows: row 1 .* map of 4 x 3 cells"):
        pool_windows(MAP, torch.tensor([[0, 0, 4, 3], window]), (1,))
