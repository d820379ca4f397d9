"""Settings of networks and of their training by stochastic gradient descent."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sppnet.config.section import (
    SEED,
    Count,
    Fraction,
    Natural,
    NonNegative,
    Pixels,
    Positive,
    Section,
    Seed,
)

TORCHVISION_PREFIX = "torchvision:"  # of backbones and weights that torchvision has
Chain = Literal["zf5", "convnet5", "overfeat5", "overfeat7", "alex5"]
Initialisation = Literal["gaussian", "he"]
Precision = Literal["full", "mixed"]


class Head(Section):
    """Pixels into a network, and its fully-connected layers: what all classifiers share."""

    fc: Count = Field(description="Units of fc6 and of fc7 (paper Table 1: 4096).")
    mean: tuple[float, float, float] = Field(
        description="Subtracted from the pixels, per channel (paper appendix A: 128, VOC)."
    )
    std: Positive = Field(description="Divides the pixels after that.")
    channel_order: Literal["RGB", "BGR"] = Field(description="Order of the channels and of mean.")
    map_std: Positive = Field(
        default=1.0,
        description="Divides the backbone's feature maps: imported ones may give values in the "
        "hundreds, on which fc6 diverges at every useful learning rate.",
    )


class Architecture(Head):
    """Backbone, pyramid and classifier of a network."""

    backbone: str = Field(
        description="zf5, convnet5, overfeat5, overfeat7, alex5, squeezenet or torchvision:NAME "
        "(paper Table 1)."
    )
    width: Positive = Field(description="Factor on all channel numbers of the backbone.")
    levels: tuple[Count, ...] = Field(
        min_length=1, description="Bins per side of each pyramid level (paper §3.1.2); 6: no SPP."
    )


class BackboneSource(Section):
    """Where a backbone was trained."""

    source: str = Field(description="Weights file (.npz, .safetensors) or torchvision:NAME.")


class ImportedBackbone(BackboneSource):
    """A backbone that was trained elsewhere."""

    freeze: bool = Field(description="Train the fully-connected layers only.")


class Update(Section):
    """Updates of the weights: biases learn twice as fast and do not decay, as in Caffe."""

    learning_rate: Positive = Field(description="At the start (paper §3.1: 0.01).")
    momentum: Fraction = Field(description="Momentum (release spp_finetune_voc.m: 0.9).")
    weight_decay: NonNegative = Field(
        description="L2 penalty on weights (release spp_finetune_voc.m: 0.0005)."
    )


class Sgd(Update):
    """Stochastic gradient descent with momentum, and how its learning rate changes."""

    milestones: tuple[Count, ...] = Field(
        default=(),
        description="Epochs after which the learning rate is divided by ten.",
    )
    warmup: Natural = Field(description="Iterations over which the learning rate rises linearly.")


class Crops(Section):
    """Training crops, before they are resized to the sizes of a training variant."""

    resize: Pixels = Field(
        description="Shorter side of an image before cropping (paper §3.1: 256)."
    )
    crop: Pixels = Field(description="Side of the training crop (paper §3.1: 224).")
    batch: Count = Field(description="Images per iteration (release Zeiler_conv5.prototxt: 128).")
    colour: NonNegative = Field(
        description="Standard deviation of the colour change along the principal components "
        "(AlexNet §4.1: 0.1)."
    )

    @field_validator("crop")
    @classmethod
    def _crop_fits(cls, crop: int, earlier: ValidationInfo) -> int:
        resize = earlier.data.get("resize", crop)
        if crop > resize:
            raise ValueError(f"{crop} pixels do not fit resize {resize}; lower it or raise resize")
        return crop


class Sizes(Section):
    """The sizes of the images that a network is trained on."""

    sizes: tuple[Pixels, ...] = Field(
        min_length=1,
        description="Sides that crops are resized to; all share the weights (paper §2.3).",
    )
    size_choice: Literal["alternate", "random"] = Field(
        description="One size after the other, or any between them, an epoch each (paper §3.1.3)."
    )


class Iteration(Crops, Update):
    """An iteration of training on single-label images: its crops, and the update of the weights."""

    precision: Precision = Field(description="mixed: bfloat16, on a GPU only.")


class Seeded(Section):
    """Random choices."""

    seed: Seed = Field(description=SEED)


class Recipe(Iteration, Sgd):
    """Training on single-label images, as far as all networks share it."""

    initialisation: Initialisation = Field(description="Of the layers that are not imported.")
    plateau: Count | None = Field(
        default=None,
        description="Instead of milestones: epochs without a lower held-out error before the rate "
        "is divided by ten, twice at most (paper §3.1).",
    )
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        validate_default=True,
        description="Share of the training images whose error plateau watches.",
    )
    images_per_epoch: Count | None = Field(
        default=None, description="Images drawn per epoch; all if not given."
    )

    @field_validator("plateau")
    @classmethod
    def _one_schedule(cls, plateau: int | None, earlier: ValidationInfo) -> int | None:
        if plateau is not None and earlier.data.get("milestones"):
            raise ValueError("replaces milestones; set it to null, or milestones to []")
        return plateau

    @field_validator("holdout")
    @classmethod
    def _watched(cls, holdout: float | None, earlier: ValidationInfo) -> float | None:
        if (holdout is None) != (earlier.data.get("plateau") is None):
            raise ValueError("is what plateau watches; give both, or set both to null")
        return holdout


class Training(Recipe, Sizes, Seeded):
    """Training of one network."""

    epochs: Count = Field(description="Passes over images_per_epoch images (paper §3.1: 70 or 90).")


class StartingBackbone(Section):
    """The backbone that a training starts from."""

    backbone_weights: Path | None = Field(
        default=None, description="Imported backbone, or a network with it; null: random weights."
    )
    freeze_backbone: bool = Field(
        default=False, description="Train the fully-connected layers only."
    )


class Network(Section):
    """A pretrained network."""

    architecture: Architecture
    imported_backbone: ImportedBackbone | None = Field(
        description="A backbone trained elsewhere; null to train all layers."
    )
    training: Training
