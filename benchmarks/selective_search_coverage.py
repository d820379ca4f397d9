"""How many boxes of the original MATLAB selective search ours cover.

    python benchmarks/selective_search_coverage.py --boxes data/selective_search

The folder holds NAME_boxes.mat (`boxes`: x1 y1 x2 y2, 0-based, inclusive) beside NAME.jpg.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import numpy as np
from cyclopts import Parameter
from figures import write_figures
from scipy.io import loadmat

from sppnet.data.images import read_image
from sppnet.detect.proposals import best_overlaps, selective_search

OVERLAPS = (0.5, 0.7, 0.9)
MINIMUM_SIDE = 20


def original_boxes(path: Path) -> np.ndarray:
    """Boxes of a .mat file made half-open."""
    inclusive = loadmat(path)["boxes"].astype(np.float32)
    return inclusive + np.array([0, 0, 1, 1], np.float32)


def shares(name: str, kind: str, reference: np.ndarray, boxes: np.ndarray) -> dict[str, Any]:
    best = best_overlaps(reference, boxes)
    covered = {f"at {iou}": f"{(best >= iou).mean():.1%}" for iou in OVERLAPS}
    return {
        "picture": name,
        "boxes to cover": kind,
        "count": len(reference),
        "by": len(boxes),
        **covered,
        "mean best IoU": float(best.mean()),
    }


def compare(path: Path) -> list[dict[str, Any]]:
    name = path.name.removesuffix("_boxes.mat")
    original = original_boxes(path)
    large = original[(original[:, 2:] - original[:, :2] >= MINIMUM_SIDE).all(1)]
    image = read_image(path.with_name(f"{name}.jpg"))
    ours = selective_search(image, base_k=(50, 100), sigma=0.8, minimum_side=MINIMUM_SIDE)
    return [
        shares(name, "MATLAB, all", original, ours),
        shares(name, f"MATLAB, sides from {MINIMUM_SIDE}", large, ours),
        shares(
            name,
            f"MATLAB, sides from {MINIMUM_SIDE}, by as many of ours",
            large,
            ours[: len(large)],
        ),
        shares(name, "ours, by MATLAB's", ours, large),
    ]


def main(
    boxes: Annotated[Path, Parameter(help="Folder of NAME_boxes.mat and NAME.jpg.")],
) -> None:
    files = sorted(boxes.glob("*_boxes.mat"))
    if not files:
        sys.exit(f"{boxes}: no *_boxes.mat; give the folder with the boxes and their pictures")
    rows = [row for path in files for row in compare(path)]
    notes = [
        "Share of the boxes that some box of the other side overlaps with at least so much IoU. "
        f"Ours: k 50 and 100, sigma 0.8, sides from {MINIMUM_SIDE} pixels, which the release drops "
        "after its search too.",
    ]
    title = "Our selective search beside the original one"
    write_figures(__file__, title, {"Covered boxes": rows}, notes)


if __name__ == "__main__":
    cyclopts.run(main)
