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
PACKAGE_PREFIX = "package:"  # of weights in an installed Python package
Chain = Literal["zf5", "convnet5", "overfeat5", "overfeat7", "alex5"]
Initialisation = Literal["gaussian", "he"]
Precision = Literal["full", "mixed"]


class Head(Section):
    """Pixels into a network, and its fully-connected layers: what all classifiers share."""

    fc: Count = Field(description="Number of units in fc6 and in fc7 (paper Table 1: 4096).")
    mean: tuple[float, float, float] = Field(
        description="Mean subtracted from the pixels, per channel (paper appendix A: 128, VOC)."
    )
    std: Positive = Field(description="Divisor of the pixels after the mean is subtracted.")
    channel_order: Literal["RGB", "BGR"] = Field(
        description="Order of the colour channels, in images and in mean."
    )
    map_std: Positive = Field(
        default=1.0,
        description="Divisor of the backbone's feature maps; those of an imported backbone may "
        "have values in the hundreds, on which fc6 diverges at every useful learning rate.",
    )


class Architecture(Head):
    """Backbone, pyramid and classifier of a network."""

    backbone: str = Field(
        description="Backbone: zf5, convnet5, overfeat5, overfeat7, alex5, squeezenet, "
        "efficientnet_lite0 or torchvision:NAME (paper Table 1)."
    )
    width: Positive = Field(description="Multiplier of all channel counts of the backbone.")
    levels: tuple[Count, ...] = Field(
        min_length=1,
        description="Number of bins per side of each pyramid level; 6 alone is no SPP (paper "
        "§3.1.2).",
    )


class BackboneSource(Section):
    """Where a backbone was trained."""

    source: str = Field(
        description="Weights file (.npz, .safetensors), package:NAME==VERSION for the file of an "
        "installed Python package, or torchvision:NAME."
    )

    @field_validator("source")
    @classmethod
    def _version_given(cls, source: str) -> str:
        if source.startswith(PACKAGE_PREFIX) and not all(source.partition("==")):
            raise ValueError(f"{source!r} names no version; write {PACKAGE_PREFIX}NAME==VERSION")
        return source


class ImportedBackbone(BackboneSource):
    """A backbone that was trained elsewhere."""

    freeze: bool = Field(
        description="Freeze the backbone and train only the fully-connected layers."
    )


class Update(Section):
    """Updates of the weights: biases learn twice as fast and do not decay, as in Caffe."""

    learning_rate: Positive = Field(description="Initial learning rate (paper §3.1: 0.01).")
    momentum: Fraction = Field(description="Momentum (release spp_finetune_voc.m: 0.9).")
    weight_decay: NonNegative = Field(
        description="L2 penalty on the weights (release spp_finetune_voc.m: 0.0005)."
    )


class Optimiser(Section):
    """What turns gradients into updates."""

    optimiser: Literal["sgd", "adamw"] = Field(
        default="sgd",
        description="Optimiser: SGD with momentum (paper §3.1), or AdamW, whose first beta is "
        "momentum.",
    )


class Annealing(Section):
    """How the learning rate falls."""

    annealing: Literal["steps", "cosine"] = Field(
        default="steps",
        description="Fall of the learning rate: in steps, by milestones or plateau (paper §3.1), "
        "or from epoch to epoch along half a cosine.",
    )


class Sgd(Update):
    """Updates with momentum, and how the learning rate changes."""

    milestones: tuple[Count, ...] = Field(
        default=(),
        description="Epochs after which the learning rate is divided by ten.",
    )
    warmup: Natural = Field(
        description="Number of warm-up iterations, over which the learning rate rises linearly."
    )


class Crops(Section):
    """Training crops, before they are resized to the sizes of a training variant."""

    resize: Pixels = Field(
        description="Shorter side of an image before cropping (paper §3.1: 256)."
    )
    crop: Pixels = Field(description="Side of the training crop (paper §3.1: 224).")
    batch: Count = Field(
        description="Number of images per iteration (release Zeiler_conv5.prototxt: 128)."
    )
    colour: NonNegative = Field(
        description="Standard deviation of the colour shift along the principal components "
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
        description="Sides to which crops are resized; the weights are shared by all sizes (paper "
        "§2.3).",
    )
    size_choice: Literal["alternate", "random"] = Field(
        description="Choice of the size of an epoch: the sizes in turn, or a random one between "
        "the smallest and the largest (paper §3.1.3)."
    )


class Iteration(Crops, Update, Optimiser):
    """An iteration of training on single-label images: its crops, and the update of the weights."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.5,
        description="Share of the units of fc6 and fc7 that an iteration leaves out (paper §3.1).",
    )
    precision: Precision = Field(
        description="Numerical precision of training; mixed uses bfloat16 and needs a GPU."
    )


class Seeded(Section):
    """Random choices."""

    seed: Seed = Field(description=SEED)


class Recipe(Iteration, Sgd, Annealing):
    """Training on single-label images, as far as all networks share it."""

    initialisation: Initialisation = Field(
        description="Initialisation of the layers that are not imported."
    )
    plateau: Count | None = Field(
        default=None,
        validate_default=True,
        description="Number of epochs without a lower held-out error after which the learning "
        "rate is divided by ten, at most twice; replaces milestones (paper §3.1).",
    )
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        validate_default=True,
        description="Share of the training images that is held out to measure the error for "
        "plateau.",
    )
    images_per_epoch: Count | None = Field(
        default=None, description="Number of images drawn per epoch; all if not given."
    )

    @field_validator("plateau")
    @classmethod
    def _one_schedule(cls, plateau: int | None, earlier: ValidationInfo) -> int | None:
        if plateau is not None and earlier.data.get("milestones"):
            raise ValueError("replaces milestones; set it to null, or milestones to []")
        if earlier.data.get("annealing") == "cosine" and (
            plateau is not None or earlier.data.get("milestones")
        ):
            raise ValueError("and milestones are steps; with annealing cosine, leave both out")
        return plateau

    @field_validator("holdout")
    @classmethod
    def _watched(cls, holdout: float | None, earlier: ValidationInfo) -> float | None:
        if (holdout is None) != (earlier.data.get("plateau") is None):
            raise ValueError("is what plateau watches; give both, or set both to null")
        return holdout


class Training(Recipe, Sizes, Seeded):
    """Training of one network."""

    epochs: Count = Field(
        description="Number of epochs, each of images_per_epoch images (paper §3.1: 70 or 90)."
    )


class StartingBackbone(Section):
    """The backbone that a training starts from."""

    backbone_weights: Path | None = Field(
        default=None,
        description="Weights of an imported backbone, or of a network with that backbone; random "
        "if not given.",
    )
    freeze_backbone: bool = Field(
        default=False, description="Freeze the backbone and train only the fully-connected layers."
    )


class Inference(Section):
    """How networks compute features and scores; training and fine-tuning do not depend on it."""

    precision: Literal["full", "bfloat16"] = Field(
        default="full",
        description="Numerical precision of inference; bfloat16 is faster on a processor that "
        "has it, and slower elsewhere.",
    )


class Network(Section):
    """A pretrained network."""

    architecture: Architecture
    imported_backbone: ImportedBackbone | None = Field(
        default=None, description="Backbone trained elsewhere. Left out: all layers are trained."
    )
    training: Training | None = Field(
        default=None,
        validate_default=True,
        description="Training on classification. Left out: fc6 and fc7 of an imported backbone "
        "start at random, and fine-tuning trains them.",
    )

    @field_validator("training")
    @classmethod
    def _trained_somewhere(
        cls, training: Training | None, earlier: ValidationInfo
    ) -> Training | None:
        if training is None and earlier.data.get("imported_backbone") is None:
            raise ValueError("missing; add it, or an imported_backbone")
        return training
