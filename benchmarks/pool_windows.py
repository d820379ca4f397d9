"""`pool_windows` against a loop of `adaptive_max_pool2d` over the windows of one map.

    python benchmarks/pool_windows.py

Goal: the same values, bit by bit, at least 8 times faster.
"""

from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
import torch
from cyclopts import Parameter
from figures import medians, write_figures
from torch import Tensor
from torch.nn import functional

from sppnet.data.images import read_image
from sppnet.detect.proposals import selective_search
from sppnet.geometry.projection import pixel_scale, project_windows
from sppnet.geometry.pyramid import pool_windows
from sppnet.geometry.receptive_field import MapGeometry

LEVELS = (6, 3, 2, 1)
CHANNELS, HEIGHT, WIDTH = 256, 43, 57  # ZF-5 on a photograph of 4 : 3 at scale 688
WINDOWS = 2000
# Shares and sides in cells of the windows of 4,600 proposals on two VOC photographs at scale 688.
SHARES, SIDES = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1), (2, 3, 4, 7, 11, 19, 56)


def drawn_windows(seed: int) -> Tensor:
    """Windows with the sides of real proposals, at random places."""
    generator = np.random.default_rng(seed)
    sides = np.interp(generator.random((WINDOWS, 2)), SHARES, SIDES).round().astype(np.int64)
    sides = np.minimum(sides, [WIDTH, HEIGHT])
    first = generator.integers(0, np.array([WIDTH, HEIGHT]) - sides + 1)
    return torch.from_numpy(np.hstack([first, first + sides]))


def proposed_windows(picture: Path) -> Tensor:
    """Windows of the first proposals of a photograph at scale 688."""
    image = read_image(picture)
    boxes = selective_search(image, base_k=(50, 100), sigma=0.8, minimum_side=20)[:WINDOWS]
    factor = pixel_scale(min(image.shape[:2]), 688)
    geometry = MapGeometry(stride=16, offset=20, shrink=6.5)
    return project_windows(torch.from_numpy(boxes), geometry, (HEIGHT, WIDTH), factor)


def pool_one_by_one(map: Tensor, windows: list[list[int]]) -> Tensor:
    rows = []
    for x1, y1, x2, y2 in windows:
        part = map[None, :, y1:y2, x1:x2]
        rows.append(torch.cat([functional.adaptive_max_pool2d(part, n).flatten() for n in LEVELS]))
    return torch.stack(rows)


def compare(windows: Tensor, threads: int, repeats: int) -> dict[str, float | int | str]:
    torch.set_num_threads(threads)
    shape = (HEIGHT, WIDTH, CHANNELS)
    last = torch.randn(shape, generator=torch.Generator().manual_seed(0)).permute(2, 0, 1)
    plain, listed = last.contiguous(), windows.tolist()
    assert torch.equal(pool_windows(last, windows, LEVELS), pool_one_by_one(plain, listed))
    taken = medians(
        {
            "loop": lambda: pool_one_by_one(plain, listed),
            "loop_last": lambda: pool_one_by_one(last, listed),
            "ours": lambda: pool_windows(last, windows, LEVELS),
        },
        repeats,
    )
    best = min(taken["loop"], taken["loop_last"])
    return {
        "threads": threads,
        "loop, s": taken["loop"],
        "loop, channels last, s": taken["loop_last"],
        "pool_windows, s": taken["ours"],
        "faster loop / pool_windows": best / taken["ours"],
        "bit-equal": "yes",
    }


def main(
    picture: Annotated[
        Path | None, Parameter(help="Photograph whose proposals are the windows; else drawn ones.")
    ] = None,
    repeats: Annotated[int, Parameter(help="Timed calls of each.")] = 5,
    threads: Annotated[list[int], Parameter(help="CPU threads; repeat.")] = [1, 2],  # noqa: B006
) -> None:
    windows = drawn_windows(seed=0) if picture is None else proposed_windows(picture)
    distinct = len(windows.unique(dim=0))
    rows = [compare(windows, count, repeats) for count in threads]
    notes = [
        f"{len(windows)} windows ({distinct} distinct, median sides "
        f"{(windows[:, 2:] - windows[:, :2]).median(0).values.tolist()} cells) of a map of "
        f"{CHANNELS} x {HEIGHT} x {WIDTH}, levels {LEVELS}. The loop calls adaptive_max_pool2d "
        f"for every window and level. Medians of {repeats} calls, taken in turn. Goal: 8.",
    ]
    write_figures(__file__, "Pooling many windows of one map", {"Seconds": rows}, notes)


if __name__ == "__main__":
    cyclopts.run(main)
