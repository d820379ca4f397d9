"""Selective search over many pictures: two worker processes against one.

    python benchmarks/proposals.py

Goal: two processes are at least 1.8 times as fast as one.
"""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import cyclopts
import numpy as np
from cyclopts import Parameter
from figures import find_pictures, medians, write_figures

from sppnet.data.images import read_image
from sppnet.data.manifest import ImageRecord
from sppnet.detect.proposals import propose, selective_search

SEARCH = partial(selective_search, base_k=(50, 100), sigma=0.8, minimum_side=20)


def no_boxes(image: np.ndarray) -> np.ndarray:
    """Stands for the search where only the start of the processes is to be timed."""
    return np.zeros((0, 4), np.float32)


def records_of(pictures: list[Path]) -> list[ImageRecord]:
    records = []
    for path in pictures:
        height, width = read_image(path).shape[:2]
        records.append(
            ImageRecord(
                "detection", "test", path.stem, str(path), width=width, height=height, sha256=""
            )
        )
    return records


def search_all(records: list[ImageRecord], search: object, workers: int) -> dict[str, np.ndarray]:
    with TemporaryDirectory() as restart:
        return propose(records, search, workers=workers, restart=Path(restart))[0]


def main(
    pictures: Annotated[
        Path | None, Parameter(help="Folder of photographs; generated scenes without.")
    ] = None,
    count: Annotated[int, Parameter(help="Pictures.")] = 16,
    repeats: Annotated[int, Parameter(help="Timed runs of each.")] = 3,
) -> None:
    with TemporaryDirectory() as scenes:
        records = records_of(find_pictures(pictures, count, Path(scenes)))
        found = [search_all(records, SEARCH, workers) for workers in (1, 2)]
        assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])
        taken = medians(
            {
                (name, workers): partial(search_all, records, search, workers)
                for name, search in (("start", no_boxes), ("all", SEARCH))
                for workers in (1, 2)
            },
            repeats,
            warm_up=False,
        )
    one, two = taken["all", 1], taken["all", 2]
    net = (one - taken["start", 1]) / (two - taken["start", 2])
    rows = [
        {"": "whole run", "1 process, s": one, "2 processes, s": two, "ratio": one / two},
        {
            "": "start of the processes, reading",
            "1 process, s": taken["start", 1],
            "2 processes, s": taken["start", 2],
            "ratio": taken["start", 1] / taken["start", 2],
        },
        {
            "": "search alone (difference)",
            "1 process, s": one - taken["start", 1],
            "2 processes, s": two - taken["start", 2],
            "ratio": net,
        },
    ]
    boxes = sum(map(len, found[0].values())) / count
    notes = [
        f"{count} {'generated scenes' if pictures is None else 'photographs'}, {boxes:.0f} boxes "
        f"each; both find the same boxes. Medians of {repeats} runs, taken in turn. Goal: 1.8.",
    ]
    write_figures(__file__, "Proposals by worker processes", {"Seconds": rows}, notes)


if __name__ == "__main__":
    cyclopts.run(main)
