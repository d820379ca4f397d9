"""Inference in bfloat16 against single precision: time of each step, and how far results differ.

    sppnet import-weights --source data/weights/squeezenet_v1.0_decoded_fp32.npz \\
        --backbone squeezenet --output artifacts/squeezenet.safetensors
    python benchmarks/bfloat16.py --backbone-weights artifacts/squeezenet.safetensors \\
        --pictures data/VOCdevkit/VOC2007/JPEGImages

Random weights serve for the time of ZF-5, and of the fully connected layers of both.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import numpy as np
import torch
from cyclopts import Parameter
from figures import find_pictures, write_figures
from torch import Tensor

from sppnet.data.images import read_image, resize_shorter_side
from sppnet.detect.features import ROWS_PER_PRODUCT
from sppnet.detect.rcnn import fill_colour, warp_regions
from sppnet.detect.settings import Warp
from sppnet.geometry.projection import pixel_scale, project_windows
from sppnet.geometry.pyramid import pool_windows
from sppnet.geometry.receptive_field import map_geometry
from sppnet.models.network import Architecture, Network, build_network
from sppnet.models.preprocessing import normalise
from sppnet.models.weights import load_backbone

SIZE, WINDOWS, CROPS = 688, 2000, 16
WARP = Warp(crop=227, context=16)
PRECISIONS = ("full", "bfloat16")
FC = {"squeezenet": 512, "zf5": 4096}  # as in config/voc07.yaml and in the paper
MEAN = {"squeezenet": (104.0, 117.0, 123.0), "zf5": (128.0, 128.0, 128.0)}
MAP_STD = {"squeezenet": 100.0, "zf5": 1.0}  # as in the configurations


def build(backbone: str, weights: Path | None) -> Network:
    architecture = Architecture(
        backbone=backbone,
        width=1.0,
        levels=(6, 3, 2, 1),
        fc=FC[backbone],
        classes=tuple(f"class {number}" for number in range(20)),
        mean=MEAN[backbone],
        std=1.0,
        channel_order="BGR",
        map_std=MAP_STD[backbone],
    )
    generator = torch.Generator().manual_seed(0)
    network = build_network(architecture, initialisation="he", generator=generator)
    if weights is not None:
        load_backbone(network, weights)
    return network.eval()


def random_boxes(image: np.ndarray) -> np.ndarray:
    """Boxes of 30 pixels a side and more: float32 `(WINDOWS, 4)`."""
    height, width = image.shape[:2]
    random = np.random.default_rng(0)
    sides = random.uniform(30, (width, height), (WINDOWS, 2))
    corners = random.uniform(0, 1, (WINDOWS, 2)) * ((width, height) - sides)
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)


def hidden(network: Network, pooled: Tensor) -> dict[str, Tensor]:
    """fc6 and fc7 in blocks of rows, as in detection."""
    blocks = [network.hidden(block) for block in torch.split(pooled, ROWS_PER_PRODUCT)]
    return {name: torch.cat([block[name] for block in blocks]) for name in ("fc6", "fc7")}


def relative_error(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


@torch.inference_mode()
def errors_of(networks: Mapping[str, Network], inputs: Tensor, windows: Tensor) -> dict[str, Any]:
    """Relative errors, of maps, of the layers on equal pooled maps, and of all of them together."""
    full, reduced = (networks[precision] for precision in PRECISIONS)
    levels = full.architecture.levels
    maps, near = full.maps(inputs)[0], reduced.maps(inputs)[0]
    pooled, pooled_near = pool_windows(maps, windows, levels), pool_windows(near, windows, levels)
    exact, layers, together = (
        hidden(network, values)
        for network, values in ((full, pooled), (reduced, pooled), (reduced, pooled_near))
    )
    return {
        "maps": f"{relative_error(near, maps):.2%}",
        "pooled maps": f"{relative_error(pooled_near, pooled):.2%}",
        "fc6, of equal pooled maps": f"{relative_error(layers['fc6'], exact['fc6']):.2%}",
        "fc6": f"{relative_error(together['fc6'], exact['fc6']):.2%}",
        "fc7": f"{relative_error(together['fc7'], exact['fc7']):.2%}",
    }


def processor_seconds(call: Callable[[], object]) -> float:
    """Seconds that the process computes in a call; other processes on the machine hardly count."""
    start = time.process_time()
    call()
    return time.process_time() - start


def compare(calls: Sequence[Callable[[], object]], repeats: int) -> dict[str, float]:
    """Medians of a call in both precisions, in turns, and of the ratios of neighbouring turns."""
    for call in calls:
        call()
    taken = np.array([[processor_seconds(call) for call in calls] for _ in range(repeats)])
    full, reduced = np.median(taken, axis=0).tolist()
    ratio = float(np.median(taken[:, 0] / taken[:, 1]))
    return {"single, s": full, "bfloat16, s": reduced, "faster": ratio}


@torch.inference_mode()
def rows_of(
    networks: Mapping[str, Network], image: np.ndarray, repeats: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of the first table, and one of the second, for a backbone in both precisions."""
    network = networks["full"]
    boxes = random_boxes(image)
    resized = torch.from_numpy(resize_shorter_side(image, SIZE))[None]
    inputs = normalise(resized, network.architecture)
    maps = network.maps(inputs)[0]
    factor = pixel_scale(min(image.shape[:2]), SIZE)
    map_size = (maps.shape[1], maps.shape[2])
    geometry = map_geometry(network.backbone)
    windows = project_windows(torch.from_numpy(boxes), geometry, map_size, factor)
    pooled = pool_windows(maps, windows, network.architecture.levels)
    fill = fill_colour(network.architecture)
    crops = torch.from_numpy(warp_regions(image, boxes[:CROPS], warp=WARP, fill=fill))
    crop_inputs = normalise(crops, network.architecture)
    both = [networks[precision] for precision in PRECISIONS]
    steps = {
        f"maps of an image at {SIZE}": [partial(each.maps, inputs) for each in both],
        f"fc6 and fc7 of {WINDOWS} windows": [partial(hidden, each, pooled) for each in both],
        f"maps of {CROPS} crops of {WARP.crop}": [partial(each.maps, crop_inputs) for each in both],
    }
    times = [{"step": step, **compare(calls, repeats)} for step, calls in steps.items()]
    return times, errors_of(networks, inputs, windows)


def main(
    backbone_weights: Annotated[Path, Parameter(help="SqueezeNet of `sppnet import-weights`.")],
    pictures: Annotated[Path, Parameter(help="Folder of photographs; the first is used.")],
    repeats: Annotated[int, Parameter(help="Turns of each step.")] = 7,
) -> None:
    """Time the steps of both precisions in turns, in one process and one thread."""
    torch.set_num_threads(1)
    image = read_image(find_pictures(pictures, 1, pictures)[0])
    times, errors = [], []
    for name, weights in (("squeezenet", backbone_weights), ("zf5", None)):
        full = build(name, weights)
        networks = {"full": full, "bfloat16": copy.deepcopy(full).to_bfloat16()}
        taken, differences = rows_of(networks, image, repeats)
        times += [{"backbone": name, **row} for row in taken]
        errors.append({"backbone": name, **differences})
    notes = [
        f"Seconds of processor time in one thread, medians of {repeats} turns; faster: median of "
        f"the ratios of neighbouring turns. One photograph of {image.shape[1]} x "
        f"{image.shape[0]}; random boxes, products of {ROWS_PER_PRODUCT} rows.",
        "SqueezeNet: weights of ImageNet, fc6 and fc7 of 512 at random; ZF-5: full width, fc6 and "
        "fc7 of 4096, all at random.",
        "Errors: Euclidean norm of the difference over that of the result in single precision. "
        "Their effect on mean average precision has not been measured yet.",
        "The processor has instructions for bfloat16 (avx512_bf16). Without them it computes the "
        "same but for the order of sums, and slower than in single precision.",
    ]
    tables = {"Seconds": times, "Relative errors": errors}
    write_figures(__file__, "Inference in bfloat16", tables, notes)


if __name__ == "__main__":
    cyclopts.run(main)
