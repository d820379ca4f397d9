"""Fine-tuning on labelled boxes: fc layers on pooled maps (SPP), all layers on crops (R-CNN).

The iterations come in chunks. A chunk takes some training images, draws boxes of each once, and
makes balanced batches of them all; it is one epoch of `sppnet.models.training.fit`. Some images
are held out: no box of theirs is trained on, and their loss chooses the snapshot. (The release
chooses it on the test images; the paper takes the last, as is done where none is held out.) SPP's
maps are not mirrored: the paper does not say that they were, though its release does so. R-CNN's
crops are, if wanted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from sppnet.data.images import read_listed
from sppnet.data.store import atomic_path
from sppnet.detect.features import MapFeatures
from sppnet.detect.rcnn import fill_colour, mirror_half, warp_regions
from sppnet.detect.regions import ImageRegions, sample_regions
from sppnet.detect.sampling import batch_rows, chunk_images, chunk_schedule, hold_out
from sppnet.detect.settings import FineTuning, RcnnFineTuning, SppFineTuning, Warp
from sppnet.errors import SppnetError
from sppnet.models.network import Network, freeze_backbone
from sppnet.models.preprocessing import normalise
from sppnet.models.training import History, Validate, fit

# inputs of some boxes of an image, in a compact type
Gather = Callable[[ImageRegions, Tensor, torch.Generator], Tensor]
# inputs of a batch, changed at random
Augment = Callable[[Tensor, torch.Generator], Tensor]


def finetune_maps(
    network: Network,
    regions: Sequence[ImageRegions],
    features: MapFeatures,
    *,
    finetuning: SppFineTuning,
    restart: Path,
) -> History:
    """Fine-tune fc6, fc7 and fc8 on boxes pooled from cached maps; the backbone stays as it is.

    Args:
        network: trained in place; its outputs are background and the classes of the regions.
        regions: training images with their boxes.
        features: cached maps of those images.
        finetuning: how boxes are drawn, learning rate and length.
        restart: folder for unfinished work.

    Returns:
        One row per chunk; the network ends as the snapshot of the lowest held-out loss,
            or as the last where no image is held out.

    Raises:
        SppnetError: too few images to hold some out, or images without boxes to train on.

    Source: paper §4.1 (the scale of a box is not stated, the best one is implied); release
        spp_finetune_voc.m (scale at random).
    """
    freeze_backbone(network)
    device = network.fc6.weight.device

    def gather(each: ImageRegions, rows: Tensor, generator: torch.Generator) -> Tensor:
        scales = None
        if finetuning.scale_choice == "random":
            scales = torch.randint(len(features.sizes), (len(rows),), generator=generator)
        return features.pool5(each, rows, scales).half()  # exact: the maps are stored so

    def prepare(inputs: Tensor) -> Tensor:
        return inputs.to(device).float()

    background = (finetuning.negative_low, finetuning.negative_high)
    stage = _Stage(regions, gather, prepare, finetuning, background)
    return _fit(_Head(network), stage, restart)


def finetune_crops(
    network: Network,
    regions: Sequence[ImageRegions],
    *,
    warp: Warp,
    finetuning: RcnnFineTuning,
    restart: Path,
) -> History:
    """Fine-tune all layers on warped boxes, as R-CNN does.

    R-CNN's background is every box below the foreground's overlap.

    Args:
        network: trained in place; its outputs are background and the classes of the regions.
        regions: training images with their boxes.
        warp: how boxes are cut out.
        finetuning: how boxes are drawn and mirrored (held-out ones never are), learning rate and
            length.
        restart: folder for unfinished work.

    Returns:
        One row per chunk; the network ends as the snapshot of the lowest held-out loss,
            or as the last where no image is held out.

    Raises:
        SppnetError: too few images to hold some out, an unreadable image, or images without boxes
            to train on.

    Source: RCNN §2.3; RCNN appendix A; RCNN release voc_2007_prototxt.
    """
    architecture = network.architecture
    device, fill = network.fc6.weight.device, fill_colour(architecture)

    def gather(each: ImageRegions, rows: Tensor, _: torch.Generator) -> Tensor:
        image, boxes = read_listed(each), each.boxes[rows].numpy()
        return torch.from_numpy(warp_regions(image, boxes, warp=warp, fill=fill))

    def prepare(inputs: Tensor) -> Tensor:
        return normalise(inputs.to(device), architecture)

    background = (0.0, finetuning.positive_iou)
    augment = mirror_half if finetuning.mirror else None
    stage = _Stage(regions, gather, prepare, finetuning, background, augment)
    return _fit(network, stage, restart)


def write_history(path: Path, history: History) -> None:
    """Write the loss and error of every chunk as CSV."""
    with atomic_path(path) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)


@dataclass(frozen=True)
class _Stage:
    """What the two methods have in common: images, and how inputs come from their boxes."""

    regions: Sequence[ImageRegions]
    gather: Gather
    prepare: Callable[[Tensor], Tensor]
    finetuning: FineTuning
    background: tuple[float, float]  # overlaps: low inclusive, high exclusive
    augment: Augment | None = None

    def windows(
        self, images: Sequence[ImageRegions], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Inputs and labels of boxes drawn from each image."""
        places = len(images) * self.finetuning.windows_per_image
        inputs, labels = torch.empty(0), torch.empty(places, dtype=torch.int64)
        end = 0
        for each in images:
            rows, classes = self._sample(each, generator)
            if not len(rows):
                continue
            found = self.gather(each, rows, generator)
            if not end:
                # one allocation for the chunk: joining parts would take twice the memory
                inputs = found.new_empty((places, *found.shape[1:]))
            inputs[end : end + len(rows)], labels[end : end + len(rows)] = found, classes
            end += len(rows)
        if not end:
            raise SppnetError(
                "--proposals: no box of a chunk of images is foreground or background; "
                "widen the overlap limits or use more images per chunk"
            )
        return inputs[:end], labels[:end]

    def _sample(self, each: ImageRegions, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return sample_regions(
            each,
            count=self.finetuning.windows_per_image,
            positive_fraction=self.finetuning.positive_fraction,
            positive_iou=self.finetuning.positive_iou,
            negative_iou=self.background,
            generator=generator,
        )


class _Head(nn.Module):
    """The fully connected part of a network as a module of its own."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pool5: Tensor) -> Tensor:
        """Logits of pooled maps."""
        return self.network.head(pool5)


def _fit(module: nn.Module, stage: _Stage, restart: Path) -> History:
    finetuning, seed = stage.finetuning, stage.finetuning.seed
    train, held = hold_out(stage.regions, finetuning.holdout, seed)

    def batches(chunk: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        images = chunk_images(train, chunk, finetuning.images_per_chunk, seed)
        inputs, labels = stage.windows(images, generator)
        for rows in batch_rows(labels, finetuning, generator):
            found = inputs[rows.to(inputs.device)]
            if stage.augment:
                found = stage.augment(found, generator)
            found = stage.prepare(found)
            yield found, labels[rows].to(found.device)

    return fit(
        module,
        batches,
        _validation(stage, held),
        schedule=chunk_schedule(finetuning),
        seed=seed,
        restart=restart,
        select="loss" if held else None,
    )


def _validation(stage: _Stage, held: Sequence[ImageRegions]) -> Validate:
    """Loss and error on boxes of held-out images, drawn once; nothing where there are none."""
    if not held:
        return lambda module: {}
    finetuning = stage.finetuning
    most = max(1, finetuning.holdout_windows // finetuning.windows_per_image)
    generator = torch.Generator().manual_seed(finetuning.seed)
    inputs, labels = stage.windows(held[:most], generator)
    return lambda module: _evaluate(module, stage.prepare, inputs, labels, finetuning.batch)


@torch.inference_mode()
def _evaluate(
    module: nn.Module,
    prepare: Callable[[Tensor], Tensor],
    inputs: Tensor,
    labels: Tensor,
    batch: int,
) -> dict[str, float]:
    """Mean cross-entropy and share of wrong labels."""
    loss = wrong = 0.0
    for some, wanted in zip(torch.split(inputs, batch), torch.split(labels, batch), strict=True):
        logits = module(prepare(some)).cpu()
        loss += float(functional.cross_entropy(logits, wanted, reduction="sum"))
        wrong += float((logits.argmax(dim=1) != wanted).sum())
    return {"loss": loss / len(labels), "error": wrong / len(labels)}
