"""96 views pooled from feature maps against 96 crops of the same images, with the same network.

    python benchmarks/views.py --network artifacts/mini/networks/overfeat7-spp_multi-1.safetensors \
        --pictures artifacts/mini/scenes/ImageFolder/val --window 112

Goal: at least 8 times faster, and the same best class for at least 95 % of the images.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from figures import write_figures
from typer import Option

from sppnet.classify.multi_view import MultiViewClassifier, Views, score_images
from sppnet.data.images import read_image
from sppnet.models.weights import load_network

FACTORS = (1, 256 / 224, 300 / 224, 360 / 224, 448 / 224, 560 / 224)  # paper §3.1.5


def main(
    network: Annotated[Path, Option(help="A network of pretrain.")],
    pictures: Annotated[Path, Option(help="Folder with pictures, at any depth.")],
    window: Annotated[int, Option(help="Side of a view in pixels.")] = 224,
    images: Annotated[int, Option(help="Pictures, evenly spaced.")] = 60,
) -> None:
    """Score the pictures both ways in one process, in turns."""
    torch.set_num_threads(1)
    paths = sorted(p for p in pictures.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg"})
    chosen = [paths[i * len(paths) // images] for i in range(min(images, len(paths)))]
    scales = tuple(round(window * factor) for factor in FACTORS)
    views = Views("maps", scales, window, 9, True, None)
    loaded = load_network(network, "cpu")
    maps = MultiViewClassifier(loaded, views)
    crops = MultiViewClassifier(loaded, replace(views, source="crops"))
    same, taken, aspects = [], [], []
    for path in chosen:
        image = [read_image(path)]
        aspects.append(max(image[0].shape[:2]) / min(image[0].shape[:2]))
        ours, other = score_images(maps, image), score_images(crops, image)
        same.append(bool(ours.scores.argmax() == other.scores.argmax()))
        taken.append([ours.milliseconds[0], other.milliseconds[0], np.mean(ours.views)])
    ours_ms, crops_ms, count = np.median(taken, axis=0)
    row = {
        "network": loaded.architecture.backbone,
        "width": loaded.architecture.width,
        "window, px": window,
        "images": len(chosen),
        "views": float(count),
        "crops, ms": float(crops_ms),
        "maps, ms": float(ours_ms),
        "faster": float(crops_ms / ours_ms),
        "same class": float(np.mean(same)),
    }
    areas = [scale**2 for scale in scales]
    bound = count * window**2 / (2 * sum(areas) * float(np.mean(aspects)))
    notes = [
        "One process, one thread; medians over the images, the two ways in turns. Goals: 8, 0.95.",
        f"Pixels that the trunk sees, in crops over in maps: {bound:.2f}. What is gained beyond is "
        "the fixed cost of a crop.",
    ]
    write_figures(__file__, "96 views from maps and from crops", {"Milliseconds": [row]}, notes)


if __name__ == "__main__":
    typer.run(main)
