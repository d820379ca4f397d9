"""The sections of a configuration file: names, types, ranges and meaning of every setting.

Numbers have no defaults here; they live in `config/*.yaml`. Keys of a section are the flags of
the command that the section is for, with underscores for dashes.
"""

from os.path import normpath
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
Range = Annotated[list[Count], Field(min_length=2, max_length=2)]
Spread = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Seed = Annotated[int, Field(ge=0, description="Seed of all random choices of the stage.")]


class Section(BaseModel):
    """A part of the configuration that accepts no unknown key and converts no type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Paths(Section):
    """Where files go, relative to the working directory."""

    artifacts: str = Field(description="Heavy outputs, tracked by DVC; of one configuration.")
    results: str = Field(description="Tables and figures, tracked by git.")
    logs: str = Field(description="Logs and run times, untracked.")

    @field_validator("artifacts", "results", "logs")
    @classmethod
    def _one_spelling(cls, path: str) -> str:
        if path in ("", ".") or path != normpath(path) or set(path) & set("{}<>"):
            raise ValueError(f"{path!r} is no plain path to a folder; write it as artifacts/mini")
        return path

    @field_validator("results")
    @classmethod
    def _apart(cls, results: str, earlier: ValidationInfo) -> str:
        if Path(results).is_relative_to(earlier.data.get("artifacts", "artifacts")):
            raise ValueError(f"{results!r} lies in the artifacts; choose a folder of its own")
        return results


class Scenes(Section):
    """The generated sets: one object per image to pre-train on, several to detect."""

    seed: Seed
    classification_train: Count = Field(description="Images to pre-train on.")
    classification_validation: Count = Field(description="Images that show how it goes.")
    detection_trainval: Count = Field(description="Images to train detectors on.")
    detection_test: Count = Field(description="Images to test detectors on.")
    caltech_per_class: Count = Field(description="Images of each class in Caltech-101's layout.")
    classification_sides: Range = Field(description="Shorter side of an image, pixels.")
    detection_sides: Range = Field(description="Shorter side of an image, pixels.")
    aspects: Spread = Field(description="Longer over shorter side of an image.")
    classification_object_sides: Spread = Field(description="Object over image, shorter side.")
    detection_object_sides: Spread = Field(description="Object over image, shorter side.")
    detection_objects: Range = Field(description="Objects in an image.")
    detection_cut: Fraction = Field(description="Share of objects that the border may cut off.")
    quality: Annotated[int, Field(ge=1, le=100, description="JPEG quality.")]


class Data(Section):
    """Where the photographs are."""

    voc: str = Field(description="A VOC folder with Annotations, ImageSets and JPEGImages.")
    trainval: str = Field(description="Image set for training, a name in ImageSets/Main.")
    test: str = Field(description="Image set for testing, a name in ImageSets/Main.")
    image_folder: str | None = Field(
        description="Pre-training images: train/ and val/, one folder a class; null with imagenet."
    )
    imagenet: str | None = Field(
        description="Instead, ImageNet 2012: its archives and devkit, or its folders; or null."
    )


class Store(Section):
    """Pre-training images, resized once and kept in a few large files."""

    size: Count | None = Field(
        description="Shorter side, pixels; null keeps the files as they are."
    )
    quality: Annotated[int, Field(ge=1, le=100)] | None = Field(
        description="Of JPEG; null for plain pixels."
    )
    shard_images: Count = Field(description="Images per file.")


class Architecture(Section):
    """Backbone, pyramid and classifier of a network."""

    backbone: str = Field(
        description="zf5, convnet5, overfeat5, overfeat7, alex5, squeezenet or torchvision:NAME."
    )
    width: Positive = Field(description="Factor on all channel numbers of the backbone.")
    levels: list[Count] = Field(min_length=1, description="Bins per side of each pyramid level.")
    fc: Count = Field(description="Units of fc6 and of fc7.")
    mean: list[float] = Field(min_length=3, max_length=3, description="Subtracted per channel.")
    std: Positive = Field(description="Divisor after subtraction of the mean.")
    channel_order: Literal["RGB", "BGR"] = Field(description="Order of channels and of mean.")
    map_std: Positive = Field(default=1, description="Divisor of the backbone's feature maps.")


class BackboneSource(Section):
    """A backbone that was trained elsewhere."""

    source: str = Field(description="Weights file (.npz, .safetensors) or torchvision:NAME.")
    freeze: bool = Field(description="Train the fully-connected layers only.")


class Recipe(Section):
    """Training on single-label images, as far as it is the same for all networks."""

    initialisation: Literal["gaussian", "he"] = Field(description="Of the layers not imported.")
    resize: Count = Field(description="Shorter side of an image before cropping, pixels.")
    crop: Count = Field(description="Side of the training crop, pixels.")
    milestones: list[Count] = Field(
        description="Epochs after which the learning rate drops tenfold."
    )
    plateau: Count | None = Field(
        description="Instead of milestones: epochs without a lower held-out error before the rate "
        "drops tenfold, twice at most; null for fixed milestones."
    )
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        description="Share of the training images that plateau watches; null without plateau."
    )
    batch: Count = Field(description="Images per step.")
    learning_rate: Positive
    momentum: Fraction
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Natural = Field(description="Steps over which the learning rate rises to its value.")
    colour: Annotated[float, Field(ge=0)] = Field(
        description="Standard deviation of the colour change along the principal components."
    )
    images_per_epoch: Count | None = Field(description="Images drawn per epoch; null for all.")
    precision: Literal["full", "mixed"] = Field(description="mixed: bfloat16, on a GPU only.")

    @field_validator("crop")
    @classmethod
    def _crop_fits(cls, crop: int, earlier: ValidationInfo) -> int:
        resize = earlier.data.get("resize", crop)
        if crop > resize:
            raise ValueError(f"{crop} pixels do not fit resize {resize}; lower it or raise resize")
        return crop

    @field_validator("plateau")
    @classmethod
    def _one_schedule(cls, plateau: int | None, earlier: ValidationInfo) -> int | None:
        if plateau is not None and earlier.data.get("milestones"):
            raise ValueError("takes the place of milestones; set it to null, or milestones to []")
        return plateau

    @field_validator("holdout")
    @classmethod
    def _watched(cls, holdout: float | None, earlier: ValidationInfo) -> float | None:
        if (holdout is None) != (earlier.data.get("plateau") is None):
            raise ValueError("is what plateau watches; give both, or set both to null")
        return holdout


class Training(Recipe):
    """Training of one network."""

    epochs: Count = Field(description="Passes over images_per_epoch images.")
    sizes: list[Count] = Field(
        min_length=1, description="Sides that crops are resized to, pixels; all share the weights."
    )
    size_choice: Literal["alternate", "random"] = Field(
        description="One size after the other, or any between them, an epoch each."
    )
    seed: Seed


class Network(Section):
    """A pre-trained network."""

    architecture: Architecture
    imported_backbone: BackboneSource | None = Field(
        description="Imported backbone; null to train all layers."
    )
    training: Training


class Proposals(Section):
    """Selective search."""

    base_k: list[Count] = Field(min_length=1, description="Thresholds of the segmentations.")
    sigma: Positive = Field(description="Smoothing before segmentation, pixels.")
    minimum_side: Count = Field(description="Boxes with a shorter side are dropped, pixels.")
    maximum: Natural = Field(description="Boxes kept per image, in order; 0 for all.")


class SppDetector(Section):
    """Boxes pooled from conv5 maps of whole images."""

    title: str = Field(description="Heading of the table's column.")
    reference: str | None = Field(description="Column of the paper's table; null for none.")
    method: Literal["spp"]
    network: Name = Field(description="One of the networks.")
    scales: list[Count] = Field(min_length=1, description="Shorter sides of the images, pixels.")
    target: Count = Field(description="A box is pooled at the scale where it is nearest target^2.")
    shrink: Annotated[float, Field(ge=0)] = Field(
        description="Inward bias of a box before it is rounded to map cells, pixels."
    )


class RcnnDetector(Section):
    """Boxes cropped from the image and warped, one network pass each."""

    title: str = Field(description="Heading of the table's column.")
    reference: str | None = Field(description="Column of the paper's table; null for none.")
    method: Literal["rcnn"]
    network: Name = Field(description="One of the networks.")
    images: Count | None = Field(
        description="Images per split that features are made of, the classes in turn; null for all."
    )
    crop: Count = Field(description="Side of a warped region, pixels.")
    context: Natural = Field(description="Pixels of context on each side of a warped region.")

    @field_validator("context")
    @classmethod
    def _context_fits(cls, context: int, earlier: ValidationInfo) -> int:
        crop = earlier.data.get("crop", 2 * context + 1)
        if 2 * context >= crop:
            raise ValueError(
                f"{context} pixels on each side leave nothing of crop {crop}; keep it below half"
            )
        return context


Detector = Annotated[SppDetector | RcnnDetector, Field(discriminator="method")]


class FineTuning(Section):
    """Fine-tuning on labelled boxes, as far as both methods share it."""

    iterations: Count = Field(description="Batches, rounded up to whole chunks.")
    milestones: list[Count] = Field(
        min_length=1, description="Batches before the rate drops tenfold."
    )
    learning_rate: Positive
    momentum: Fraction
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Natural = Field(description="Batches over which the learning rate rises.")
    classifier_std: Positive = Field(description="Standard deviation of the new layer's weights.")
    batch: Count = Field(description="Boxes per step.")
    positive_fraction: Fraction = Field(description="Share of foreground boxes in a batch.")
    positive_iou: Fraction = Field(description="Least overlap of foreground, inclusive.")
    images_per_chunk: Count = Field(description="Images whose boxes are mixed.")
    windows_per_image: Count = Field(description="Boxes drawn from each of them.")
    holdout: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="Share of trainval images that choose the snapshot; 0 takes the last one."
    )
    holdout_windows: Count = Field(description="Most boxes of them that the loss is taken on.")
    seed: Seed


class SppFineTuning(FineTuning):
    """Fine-tuning of the fully-connected layers on pooled maps."""

    negative_low: Fraction = Field(description="Least overlap of background, inclusive.")
    negative_high: Fraction = Field(description="Overlap that background stays below.")
    scale_choice: Literal["best", "random"] = Field(description="Scale of a box in training.")


class RcnnFineTuning(FineTuning):
    """Fine-tuning of all layers on warped boxes; background is all that is not foreground."""

    mirror: bool = Field(description="Mirror each crop with probability 1/2.")


class FineTunings(Section):
    """Fine-tuning of each method."""

    spp: SppFineTuning
    rcnn: RcnnFineTuning


class Scaled(Section):
    """Features that are scaled to a mean norm before they are learnt from."""

    target_norm: Positive = Field(description="Mean norm of the scaled features.")
    stats_images: Count = Field(description="Images that the mean norm is measured on.")
    stats_boxes: Count = Field(description="Boxes of each of them.")
    seed: Seed


class Svm(Scaled):
    """Linear SVMs with mined negatives, as far as both methods share them."""

    cost: Positive = Field(description="Soft-margin C.")
    bias: Positive = Field(description="Constant feature that carries the bias.")
    positive_weight: Positive = Field(description="Weight of a positive relative to a negative.")
    tolerance: Positive = Field(description="Violation of optimality at which to stop.")
    negative_iou: Fraction = Field(description="Negatives overlap the class less than this.")
    duplicate_iou: Fraction = Field(description="Overlap above which a negative is repeated.")
    hard_threshold: float = Field(description="Negatives that score above it are added.")
    evict_threshold: float = Field(description="Negatives that score below it are dropped.")
    retrain_after: Count = Field(description="New negatives of a class before it is retrained.")


class SppSvm(Svm):
    """SVMs on pooled maps."""

    duplicates: Literal["overlap", "cells", "none"] = Field(
        description="Which negatives count as repeated: by overlap, by equal map cells, or none."
    )


class RcnnSvm(Svm):
    """SVMs on warped boxes, which have no map cells in common."""

    duplicates: Literal["overlap", "none"] = Field(
        description="Which negatives count as repeated: by overlap, or none."
    )


class Svms(Section):
    """SVMs of each method."""

    spp: SppSvm
    rcnn: RcnnSvm


class Bbox(Scaled):
    """Bounding-box regression."""

    overlap: Fraction = Field(description="Training boxes overlap an object more than this.")
    regularisation: Positive = Field(description="Lambda of the ridge regression.")
    whitening: Positive = Field(description="Added to the eigenvalues of the targets.")
    maximum_pairs: Count = Field(description="Most boxes per class; of more, some are drawn.")


class Bboxes(Section):
    """Bounding-box regression of each method."""

    spp: Bbox
    rcnn: Bbox


class Detection(Section):
    """Which scored boxes are kept."""

    minimum_score: float = Field(description="Boxes must score more than this.")
    nms: Fraction = Field(description="Boxes that overlap a better one more than this are dropped.")
    top: Count = Field(description="Boxes kept per class and image.")


class Evaluation(Section):
    """Mean average precision and its interval."""

    iou: Fraction = Field(description="Least overlap of a true positive.")
    nms: Fraction = Field(description="As in detection, again after regression.")
    bootstrap: Count = Field(description="Resamplings of the test images for the interval.")
    seed: Seed


class ViewTiming(Section):
    """Measured speed of the view sets that Table 4 names."""

    images: Count = Field(description="Validation images, of all classes in turn.")
    repeats: Count = Field(description="Passes over the images.")


class TrainingTiming(Section):
    """Measured speed of training at one size and at two."""

    batches: Count = Field(description="Batches at each size in a block.")
    turns: Count = Field(description="Blocks of each training variant, in turn.")


class Timing(Section):
    """Measured speed: of the detectors of Table 9, and of what the claims compare besides."""

    images: Count = Field(description="Test images, of all classes in turn.")
    repeats: Count = Field(description="Passes over the images.")
    batch: list[Count] = Field(
        min_length=1, description="R-CNN: boxes at a time; the fastest of these is used."
    )
    views: ViewTiming | None = Field(default=None, description="Left out: no Tables 2-5.")
    training: TrainingTiming | None = Field(default=None, description="Left out: no Tables 2-5.")


class Figures(Section):
    """Detections drawn on photographs."""

    detector: Name = Field(description="One of the detectors.")
    images: Count = Field(description="Test images, of all classes in turn.")
    minimum_score: float = Field(description="Boxes that score less are not drawn.")


class Table9(Section):
    """The detectors of Table 9."""

    columns: list[Name] = Field(min_length=1, description="Detectors, in column order.")
    baseline: Name = Field(description="The column that speedups refer to.")
