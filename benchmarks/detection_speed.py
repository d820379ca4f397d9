"""Detection without proposals: SPP on one scale against R-CNN, same backbone, boxes and process.

    sppnet import-weights --source data/weights/squeezenet_v1.0_decoded_fp32.npz \\
        --backbone squeezenet --output artifacts/squeezenet.safetensors
    python benchmarks/detection_speed.py --backbone-weights artifacts/squeezenet.safetensors \\
        --pictures data/VOCdevkit/VOC2007/JPEGImages

Goal: SPP is at least 90 times as fast as R-CNN at its best batch. The fully connected layers and
the SVMs are random: only time counts.
"""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import cyclopts
import numpy as np
import torch
from cyclopts import Parameter
from figures import find_pictures, medians, write_figures
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sppnet.data.images import read_image, resize_shorter_side
from sppnet.detect.features import convolve
from sppnet.detect.proposals import selective_search
from sppnet.detect.rcnn import fill_colour, warp_regions
from sppnet.detect.settings import Warp
from sppnet.detect.svm import LinearSvms
from sppnet.detect.timing import (
    CropPooling,
    ImagePooling,
    Sample,
    TimedDetector,
    fastest_batch,
    measure,
    summarise,
)
from sppnet.geometry.projection import pixel_scale, project_windows, unique_rows
from sppnet.geometry.pyramid import pool_windows
from sppnet.geometry.receptive_field import MapGeometry, map_geometry
from sppnet.models.network import Architecture, Network, build_network
from sppnet.models.preprocessing import normalise
from sppnet.models.weights import load_backbone

CPU = torch.device("cpu")
SIZE, TARGET = 688, 224
WARP = Warp(crop=227, context=16)
CLASSES = tuple(f"class {number}" for number in range(20))
MEAN = (104.0, 117.0, 123.0)  # of the imported weights


def build(levels: tuple[int, ...], fc: int, backbone: Path) -> Network:
    architecture = Architecture(
        backbone="squeezenet",
        width=1.0,
        levels=levels,
        fc=fc,
        classes=CLASSES,
        mean=MEAN,
        std=1.0,
        channel_order="BGR",
    )
    generator = torch.Generator().manual_seed(0)
    network = build_network(architecture, initialisation="he", generator=generator)
    load_backbone(network, backbone)
    return network.eval()


def random_svms(fc: int) -> LinearSvms:
    generator = torch.Generator().manual_seed(1)
    return LinearSvms(torch.randn(len(CLASSES), fc, generator=generator), torch.zeros(20), 1.0)


def sample_of(path: Path) -> Sample:
    image = read_image(path)
    boxes = selective_search(image, base_k=(50, 100), sigma=0.8, minimum_side=20)
    return image, torch.from_numpy(boxes)


def windows_of(sample: Sample, geometry: MapGeometry, maps: Tensor) -> Tensor:
    image, boxes = sample
    factor = pixel_scale(min(image.shape[:2]), SIZE)
    return project_windows(boxes, geometry, (maps.shape[1], maps.shape[2]), factor)


@torch.inference_mode()
def parts_of_spp(
    network: Network, geometry: MapGeometry, sample: Sample, repeats: int
) -> dict[str, float]:
    """Median seconds of the steps of SPP on one image."""
    image = sample[0]
    resized = resize_shorter_side(image, SIZE)
    pixels = torch.from_numpy(resized)[None]
    inputs = normalise(pixels, network.architecture)
    maps = convolve(network, image, SIZE)
    windows = windows_of(sample, geometry, maps)
    pooled = pool_windows(maps, windows, network.architecture.levels)
    return medians(
        {
            "resize the image": partial(resize_shorter_side, image, SIZE),
            "subtract the mean": partial(normalise, pixels, network.architecture),
            "backbone": partial(network.maps, inputs),
            "project the boxes": partial(windows_of, sample, geometry, maps),
            "pool the windows": partial(pool_windows, maps, windows, network.architecture.levels),
            "fc6 and fc7": partial(network.hidden, pooled),
        },
        repeats,
    )


@torch.inference_mode()
def parts_of_rcnn(network: Network, sample: Sample, batch: int, repeats: int) -> dict[str, float]:
    """Median seconds of the steps of R-CNN on one image, from one batch of its boxes."""
    image, boxes = sample
    some = boxes[:: len(boxes) // batch][:batch].numpy()
    cut = partial(
        warp_regions,
        *(image, some),
        warp=WARP,
        fill=fill_colour(network.architecture),
    )
    crops = torch.from_numpy(cut())
    pixels = normalise(crops, network.architecture)
    maps = network.maps(pixels)
    taken = medians(
        {
            "cut out and warp": cut,
            "subtract the mean": partial(normalise, crops, network.architecture),
            "backbone": partial(network.maps, pixels),
            "pool the maps": partial(network.pool, maps),
            "fc6 and fc7": partial(network.hidden, network.pool(maps)),
        },
        repeats,
    )
    return {name: seconds * len(boxes) / batch for name, seconds in taken.items()}


@torch.inference_mode()
def products_of(network: Network, height: int, width: int) -> int:
    """Multiplications of the backbone on one image."""
    with FlopCounterMode(display=False) as counter:
        network.maps(torch.zeros(1, 3, height, width))
    return counter.get_total_flops() // 2


def products_ratio(networks: tuple[Network, Network], sample: Sample) -> float:
    """Multiplications of R-CNN over those of SPP, in the backbones and in fc6, on one image."""
    (network, crop_network), (image, boxes) = networks, sample
    height, width = resize_shorter_side(image, SIZE).shape[:2]
    geometry = map_geometry(network.backbone)
    windows = windows_of(sample, geometry, convolve(network, image, SIZE))
    distinct, _ = unique_rows(windows)
    spp = products_of(network, height, width) + len(distinct) * network.fc6.weight.numel()
    crop = products_of(crop_network, WARP.crop, WARP.crop) + crop_network.fc6.weight.numel()
    return len(boxes) * crop / spp


def share_rows(method: str, parts: dict[str, float]) -> list[dict[str, Any]]:
    whole = sum(parts.values())
    return [
        {"method": method, "step": name, "s": seconds, "share": f"{seconds / whole:.0%}"}
        for name, seconds in parts.items()
    ]


def main(
    backbone: Annotated[Path, Parameter(help="Backbone written by `sppnet import-weights`.")],
    pictures: Annotated[
        Path | None, Parameter(help="Folder of photographs; generated scenes without.")
    ] = None,
    count: Annotated[int, Parameter(help="Pictures; R-CNN takes about a minute for each.")] = 5,
    repeats: Annotated[int, Parameter(help="Passes over the pictures.")] = 3,
    batch: Annotated[list[int], Parameter(help="R-CNN: boxes at a time; repeat.")] = [  # noqa: B006
        *(1, 2, 4, 8, 16, 32)
    ],
    fc: Annotated[int, Parameter(help="Width of fc6 and fc7; as in config/voc07.yaml.")] = 512,
    threads: Annotated[int, Parameter(help="CPU threads.")] = 1,
) -> None:
    torch.set_num_threads(threads)
    with TemporaryDirectory() as scenes:
        samples = [sample_of(path) for path in find_pictures(pictures, count, Path(scenes))]
    network, crop_network = build((6, 3, 2, 1), fc, backbone), build((6,), fc, backbone)
    geometry = map_geometry(network.backbone)
    crops = fastest_batch(CropPooling(crop_network, WARP, 1), samples[0], batch, CPU)
    detectors = {
        "SPP": TimedDetector(
            ImagePooling(network, geometry, (SIZE,), TARGET), network, random_svms(fc)
        ),
        "R-CNN": TimedDetector(crops, crop_network, random_svms(fc)),
    }
    times = measure(detectors, samples, repeats=repeats, device=CPU)
    rows = []
    for part in ("conv", "fc", "total"):
        spp, rcnn = (summarise(times[name])[part]["median"] for name in ("SPP", "R-CNN"))
        rows.append({"part": part, "SPP, s": spp, "R-CNN, s": rcnn, "ratio": rcnn / spp})
    steps = [
        *share_rows("SPP", parts_of_spp(network, geometry, samples[0], repeats)),
        *share_rows("R-CNN", parts_of_rcnn(crop_network, samples[0], crops.batch, repeats)),
    ]
    products = np.median([products_ratio((network, crop_network), each) for each in samples])
    boxes = np.mean([len(each) for _, each in samples])
    sizes = ", ".join(sorted({f"{image.shape[1]} x {image.shape[0]}" for image, _ in samples}))
    notes = [
        f"{count} {'generated scenes' if pictures is None else 'photographs'} ({sizes}), "
        f"{boxes:.0f} proposals each; SqueezeNet backbone, fc6 and fc7 of {fc}, "
        f"{threads} thread(s).",
        f"SPP: one scale of {SIZE}. R-CNN: crops of {WARP.crop}, batch {crops.batch}, the fastest "
        f"of {batch}. Medians over the pictures of the medians of {repeats} passes, in turn.",
        "conv: from the decoded image to the pooled features; fc: from there to SVM scores on fc7.",
        f"Multiplications of R-CNN over those of SPP: {products:.0f}. More is gained only where "
        "SPP's run faster each.",
        "Proposals, suppression and box regression are left out, as in the paper. Goal: 90.",
    ]
    tables = {"Seconds per picture": rows, "Steps, first picture": steps}
    write_figures(__file__, "Speed of detection", tables, notes)


if __name__ == "__main__":
    cyclopts.run(main)
