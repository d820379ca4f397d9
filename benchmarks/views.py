"""96 views pooled from feature maps against 96 crops of the same images, with the same network.

    python benchmarks/views.py --network artifacts/mini/networks/overfeat7-spp_multi-1.safetensors \
        --pictures artifacts/mini/scenes/ImageFolder/val --window 112

Goal: at least 8 times faster, and the same best class for at least 95 % of the images.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
import torch
from cyclopts import Parameter
from figures import write_figures

from sppnet.classify.multi_view import MultiViewClassifier, score_images
from sppnet.classify.settings import ViewSet
from sppnet.classify.view_timing import time_views
from sppnet.data.images import read_image
from sppnet.models.network import Network
from sppnet.models.weights import load_network

FACTORS = (1, 256 / 224, 300 / 224, 360 / 224, 448 / 224, 560 / 224)  # paper §3.1.5


def compare(
    network: Network, views: ViewSet, images: Sequence[np.ndarray]
) -> tuple[dict[str, float], float]:
    """Milliseconds of both ways and how often they agree, and the pixels that crops have more."""
    ways = {"maps": views, "crops": replace(views, source="crops")}
    found = {way: score_images(MultiViewClassifier(network, ways[way]), images) for way in ways}
    classes = [each.scores.argmax(dim=1) for each in found.values()]
    taken = time_views(network, ways, images, repeats=1, device=torch.device("cpu"))
    ours_ms, crops_ms = (1000 * float(np.median(taken[way])) for way in ways)
    count = float(np.mean(found["maps"].views))
    row = {
        "views": count,
        "crops, ms": crops_ms,
        "maps, ms": ours_ms,
        "faster": crops_ms / ours_ms,
        "same class": float((classes[0] == classes[1]).double().mean()),
    }
    aspects = [max(image.shape[:2]) / min(image.shape[:2]) for image in images]
    in_maps = 2 * sum(scale**2 for scale in views.scales) * float(np.mean(aspects))
    return row, count * views.window**2 / in_maps


def main(
    network: Annotated[list[Path], Parameter(help="A network of pretrain; repeat.")],
    pictures: Annotated[Path, Parameter(help="Folder with pictures, at any depth.")],
    window: Annotated[int, Parameter(help="Side of a view in pixels.")] = 224,
    images: Annotated[int, Parameter(help="Pictures, evenly spaced.")] = 60,
) -> None:
    """Score the pictures both ways in one process, in turns."""
    torch.set_num_threads(1)
    paths = sorted(p for p in pictures.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg"})
    count = min(images, len(paths))
    chosen = [read_image(paths[i * len(paths) // count]) for i in range(count)]
    scales = tuple(round(window * factor) for factor in FACTORS)
    views = ViewSet(source="maps", scales=scales, window=window, positions=9, mirrored=True)
    rows = []
    for path in network:
        loaded = load_network(path, "cpu")
        found, bound = compare(loaded, views, chosen)
        own = {"network": loaded.architecture.backbone, "width": loaded.architecture.width}
        rows.append({**own, "window, px": window, "images": count, **found})
    notes = [
        "One process, one thread; medians over the images, the two ways in turns. Goals: 8, 0.95.",
        f"Pixels that the backbone sees, in crops over in maps: {bound:.2f}. What is gained beyond "
        "is the fixed cost of a crop.",
    ]
    write_figures(__file__, "96 views from maps and from crops", {"Milliseconds": rows}, notes)


if __name__ == "__main__":
    cyclopts.run(main)
