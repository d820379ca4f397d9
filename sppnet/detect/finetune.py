"""Fine-tuning on labelled boxes: fc layers on pooled maps (SPP), all layers on crops (R-CNN).

Iterations are grouped into chunks. A chunk takes some training images, samples boxes from each
once, and forms balanced batches of them; it is one epoch of `sppnet.models.training.fit`. Some
images are held out: none of their boxes is trained on, and their loss selects the snapshot. (The
release selects it on the test images. The paper takes the last one, as we do if no image is held
out.) The maps of SPP-net are not mirrored: the paper does not mention it, although its release
mirrors them. The crops of R-CNN are mirrored if the settings ask for it.
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

# network inputs of some boxes of an image, in a compact type
Gather = Callable[[ImageRegions, Tensor, torch.Generator], Tensor]
# random augmentation of the inputs of a batch
Augment = Callable[[Tensor, torch.Generator], Tensor]


def finetune_maps(
    network: Network,
    regions: Sequence[ImageRegions],
    features: MapFeatures,
    *,
    finetuning: SppFineTuning,
    restart: Path,
) -> History:
    """Fine-tune fc6, fc7 and fc8 on boxes pooled from cached maps; the backbone stays fixed.

    Args:
        network: trained in place; outputs background and the classes of the regions.
        regions: training images with their boxes.
        features: cached maps of those images.
        finetuning: sampling of boxes, learning rate and number of iterations.
        restart: folder for unfinished work.

    Returns:
        One row per chunk. The network ends as the snapshot with the lowest held-out loss,
            or as the last one if no image is held out.

    Raises:
        SppnetError: too few images for the held-out set, or no boxes to train on.

    Source: paper §4.1 (does not state the scale of a box; implies the best one); release
        spp_finetune_voc.m (scale at random).
    """
    freeze_backbone(network)
    network.dropout = finetuning.dropout
    device = network.fc6.weight.device

    def gather(image_regions: ImageRegions, rows: Tensor, generator: torch.Generator) -> Tensor:
        scales = None
        if finetuning.scale_choice == "random":
            scales = torch.randint(len(features.sizes), (len(rows),), generator=generator)
        return features.pool5(
            image_regions, rows, scales
        ).half()  # exact: maps are stored in half precision

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

    Every box below the overlap threshold of the foreground is background. Batch normalisation of
    an imported backbone uses the statistics of its own training: a batch of boxes, three quarters
    of them background, is too small and too unlike photographs to measure them.

    Args:
        network: trained in place; outputs background and the classes of the regions.
        regions: training images with their boxes.
        warp: size and context of the warped boxes.
        finetuning: sampling and mirroring of boxes (held-out boxes are never mirrored), learning
            rate and number of iterations.
        restart: folder for unfinished work.

    Returns:
        One row per chunk. The network ends as the snapshot with the lowest held-out loss,
            or as the last one if no image is held out.

    Raises:
        SppnetError: too few images for the held-out set, an unreadable image, or no boxes to
            train on.

    Source: RCNN §2.3; RCNN appendix A; RCNN release voc_2007_prototxt.
    """
    network.keeps_statistics, network.dropout = True, finetuning.dropout
    architecture = network.architecture
    device, fill = network.fc6.weight.device, fill_colour(architecture)

    def gather(image_regions: ImageRegions, rows: Tensor, _: torch.Generator) -> Tensor:
        image, boxes = read_listed(image_regions), image_regions.boxes[rows].numpy()
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
    """The images of a fine-tuning, and how network inputs are made from their boxes."""

    regions: Sequence[ImageRegions]
    gather: Gather
    prepare: Callable[[Tensor], Tensor]
    finetuning: FineTuning
    background: tuple[float, float]  # overlaps: low inclusive, high exclusive
    augment: Augment | None = None

    def windows(
        self, images: Sequence[ImageRegions], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Inputs and labels of boxes sampled from each image."""
        capacity = len(images) * self.finetuning.windows_per_image
        inputs, labels = torch.empty(0), torch.empty(capacity, dtype=torch.int64)
        end = 0
        for image_regions in images:
            rows, classes = self._sample(image_regions, generator)
            if not len(rows):
                continue
            image_inputs = self.gather(image_regions, rows, generator)
            if not end:
                # a single allocation: concatenating parts would need twice the memory
                inputs = image_inputs.new_empty((capacity, *image_inputs.shape[1:]))
            inputs[end : end + len(rows)], labels[end : end + len(rows)] = image_inputs, classes
            end += len(rows)
        if not end:
            raise SppnetError(
                "--proposals: no box of a chunk of images is foreground or background; "
                "widen the overlap ranges or use more images per chunk"
            )
        return inputs[:end], labels[:end]

    def _sample(
        self, image_regions: ImageRegions, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        return sample_regions(
            image_regions,
            count=self.finetuning.windows_per_image,
            positive_fraction=self.finetuning.positive_fraction,
            positive_iou=self.finetuning.positive_iou,
            negative_iou=self.background,
            generator=generator,
        )


class _Head(nn.Module):
    """The fully connected layers of a network as a separate module."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pool5: Tensor) -> Tensor:
        """Logits of pooled maps."""
        return self.network.head(pool5)


def _fit(module: nn.Module, stage: _Stage, restart: Path) -> History:
    finetuning, seed = stage.finetuning, stage.finetuning.seed
    train, held_out = hold_out(stage.regions, finetuning.holdout, seed)

    def batches(chunk: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        images = chunk_images(train, chunk, finetuning.images_per_chunk, seed)
        inputs, labels = stage.windows(images, generator)
        for rows in batch_rows(labels, finetuning, generator):
            batch_inputs = inputs[rows.to(inputs.device)]
            if stage.augment:
                batch_inputs = stage.augment(batch_inputs, generator)
            batch_inputs = stage.prepare(batch_inputs)
            yield batch_inputs, labels[rows].to(batch_inputs.device)

    return fit(
        module,
        batches,
        _validation(stage, held_out),
        schedule=chunk_schedule(finetuning),
        seed=seed,
        restart=restart,
        select="loss" if held_out else None,
    )


def _validation(stage: _Stage, held_out: Sequence[ImageRegions]) -> Validate:
    """Loss and error on boxes of held-out images, sampled once; empty without such images."""
    if not held_out:
        return lambda module: {}
    finetuning = stage.finetuning
    image_count = max(1, finetuning.holdout_windows // finetuning.windows_per_image)
    generator = torch.Generator().manual_seed(finetuning.seed)
    inputs, labels = stage.windows(held_out[:image_count], generator)
    return lambda module: _evaluate(module, stage.prepare, inputs, labels, finetuning.batch)


@torch.inference_mode()
def _evaluate(
    module: nn.Module,
    prepare: Callable[[Tensor], Tensor],
    inputs: Tensor,
    labels: Tensor,
    batch: int,
) -> dict[str, float]:
    """Mean cross-entropy and classification error."""
    loss = wrong = 0.0
    for batch_inputs, batch_labels in zip(
        torch.split(inputs, batch), torch.split(labels, batch), strict=True
    ):
        logits = module(prepare(batch_inputs)).cpu()
        loss += float(functional.cross_entropy(logits, batch_labels, reduction="sum"))
        wrong += float((logits.argmax(dim=1) != batch_labels).sum())
    return {"loss": loss / len(labels), "error": wrong / len(labels)}
