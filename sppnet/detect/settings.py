"""Settings of detection: proposals, features of boxes, fine-tuning, SVMs, regression, scores."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sppnet.config.section import (
    SEED,
    Count,
    Fraction,
    Name,
    Natural,
    Overlap,
    Pixels,
    Positive,
    Section,
    Seed,
    Unit,
)
from sppnet.models.settings import Sgd
from sppnet.statistics.settings import Bootstrap

Method = Literal["spp", "rcnn"]
PixelLength = Annotated[float, Field(ge=0), Unit("pixels")]


class SelectiveSearch(Section):
    """Object proposals by selective search."""

    base_k: tuple[Count, ...] = Field(
        min_length=1,
        description="Thresholds of the segmentations (release selective_search_boxes.m: 50, 100).",
    )
    sigma: Positive = Field(description="Smoothing before segmentation, in pixels.")
    minimum_side: Pixels = Field(description="Boxes with a shorter side are dropped.")
    maximum: Natural = Field(description="Boxes kept per image, in order; 0 for all.")


class MapPooling(Section):
    """How a box is pooled from conv5 maps of whole images (SPP-net)."""

    scales: tuple[Pixels, ...] = Field(
        min_length=1, description="Shorter sides of the images (paper §4.1)."
    )
    target: Pixels = Field(
        description="A box is pooled at the scale at which it is nearest to target x target "
        "(paper §4.1: 224)."
    )
    shrink: PixelLength = Field(
        description="Length by which a box is shrunk on each side before it is rounded to map "
        "cells (release spm_pool_caffe_mex.cpp: 6.5)."
    )


class Warp(Section):
    """How a box is cropped and warped (R-CNN)."""

    crop: Pixels = Field(description="Side of the warped box, context included (RCNN §2.1: 227).")
    context: Natural = Field(
        description="Pixels of context on each side of it (RCNN appendix A: 16)."
    )

    @field_validator("context")
    @classmethod
    def _context_fits(cls, context: int, earlier: ValidationInfo) -> int:
        crop = earlier.data.get("crop", 2 * context + 1)
        if 2 * context >= crop:
            raise ValueError(
                f"{context} pixels on each side leave nothing of crop {crop}; keep it below half"
            )
        return context


class Subset(Section):
    """The images that a detector is trained and tested on."""

    images: Count | None = Field(
        default=None,
        description="Images per split, taken from the classes in turn; all if not given.",
    )


class Column(Section):
    """A detector as a column of a table."""

    title: str = Field(description="Heading of the column.")
    reference: str | None = Field(
        default=None, description="Column of the paper's table to compare with."
    )
    network: Name = Field(description="One of the networks.")


class SppDetector(Column, MapPooling):
    """Boxes pooled from conv5 maps of whole images."""

    method: Literal["spp"] = Field(description="SPP-net.")


class RcnnDetector(Column, Warp, Subset):
    """Boxes cropped from the image and warped, one network pass each."""

    method: Literal["rcnn"] = Field(description="R-CNN.")


Detector = Annotated[SppDetector | RcnnDetector, Field(discriminator="method")]


class Sampling(Section):
    """How boxes are drawn for the batches of fine-tuning."""

    batch: Count = Field(description="Boxes per iteration (release spp_finetune_voc.m: 128).")
    positive_fraction: Fraction = Field(
        description="Share of foreground boxes in a batch (paper §4.1: 0.25)."
    )
    positive_iou: Overlap = Field(description="Least overlap of foreground (paper §4.1: 0.5).")
    images_per_chunk: Count = Field(description="Images whose boxes are mixed.")
    windows_per_image: Count = Field(description="Boxes drawn from each of them.")
    holdout: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="Share of the images whose loss chooses the snapshot; 0 takes the last one."
    )
    holdout_windows: Count = Field(description="Maximum number of boxes in that loss.")
    seed: Seed = Field(description=SEED)


class FineTuning(Sampling, Sgd):
    """Fine-tuning on labelled boxes, as far as both methods share it."""

    milestones: tuple[Count, ...] = Field(
        default=(),
        min_length=1,
        description="Iterations after which the learning rate is divided by ten, rounded up to "
        "whole chunks.",
    )
    iterations: Count = Field(description="Batches, rounded up to whole chunks.")
    classifier_std: Positive = Field(
        description="Standard deviation of the new layer's initial weights (paper §4.1: 0.01)."
    )


class SppFineTuning(FineTuning):
    """Fine-tuning of the fully-connected layers on pooled maps."""

    negative_low: Overlap = Field(description="Least overlap of background (paper §4.1: 0.1).")
    negative_high: Overlap = Field(
        description="Background overlaps every object by less (paper §4.1: 0.5)."
    )
    scale_choice: Literal["best", "random"] = Field(
        description="Scale of a box in training (release spp_finetune_voc.m: random)."
    )


class RcnnFineTuning(FineTuning):
    """Fine-tuning of all layers on warped boxes; background is all that is not foreground."""

    mirror: bool = Field(description="Mirror each crop with probability 1/2 (RCNN §2.3).")


class FineTunings(Section):
    """Fine-tuning, by method."""

    spp: SppFineTuning
    rcnn: RcnnFineTuning


class Scaling(Section):
    """Scaling of features to a mean norm, before SVMs and regression."""

    target_norm: Positive = Field(
        description="Mean L2 norm of the scaled features (release spp_scale_features.m: 20)."
    )
    stats_images: Count = Field(
        description="Images on which the mean norm is measured (release spp_feature_stats.m: 200)."
    )
    stats_boxes: Count = Field(
        description="Boxes of each of them (release spp_feature_stats.m: 200)."
    )
    seed: Seed = Field(description=SEED)


class SvmSolver(Section):
    """Linear SVMs."""

    cost: Positive = Field(description="Soft-margin C (release spp_train.m: 0.001).")
    bias: Positive = Field(
        description="Constant feature that carries the bias (release spp_train.m: 10)."
    )
    positive_weight: Positive = Field(
        description="Weight of a positive relative to a negative (release spp_train.m: 2)."
    )
    tolerance: Positive = Field(description="Violation of optimality at which the solver stops.")
    seed: Seed = Field(description=SEED)


class Mining(Section):
    """Hard negative mining."""

    negative_iou: Overlap = Field(
        description="Negatives overlap every object of the class by less (paper §4.1: 0.3)."
    )
    duplicates: Literal["overlap", "cells", "none"] = Field(
        description="Repeated negatives that are dropped: those that overlap an earlier one "
        "(paper §4.1), those on the same map cells (release spm_response_boxes.m), or none."
    )
    duplicate_iou: Overlap = Field(
        description="Overlap above which a negative is repeated (paper §4.1: 0.7)."
    )
    hard_threshold: float = Field(
        description="Negatives that score higher are added (release spp_train.m: -1.0001)."
    )
    evict_threshold: float = Field(
        description="Negatives that score lower are dropped (release spp_train.m: -1.2)."
    )
    retrain_after: Count = Field(
        description="Number of new negatives after which a class is trained again (release "
        "spp_train.m: 2000)."
    )


class Svm(Mining, SvmSolver, Scaling):
    """Linear SVMs on box features, with mined negatives."""


class RcnnSvm(Svm):
    """SVMs on features of warped boxes, which have no map cells in common."""

    duplicates: Literal["overlap", "none"] = Field(
        description="Repeated negatives that are dropped: those that overlap an earlier one, or "
        "none (RCNN release rcnn_train.m)."
    )


class Svms(Section):
    """SVMs, by method."""

    spp: Svm
    rcnn: RcnnSvm


class BoxRegression(Scaling):
    """Bounding-box regression."""

    overlap: Overlap = Field(
        description="Training boxes overlap an object by more (paper §4.1: 0.5)."
    )
    regularisation: Positive = Field(
        description="Lambda of the ridge regression (release spp_train_bbox_regressor.m: 4000)."
    )
    whitening: Positive = Field(description="Added to the eigenvalues of the targets' covariance.")
    maximum_pairs: Count = Field(
        description="Maximum number of pairs per class; a random subset if there are more."
    )


class BoxRegressions(Section):
    """Bounding-box regression, by method."""

    spp: BoxRegression
    rcnn: BoxRegression


class Detection(Section):
    """Which scored boxes are kept."""

    minimum_score: float = Field(description="Boxes must score higher (release spp_test.m: -1.5).")
    nms: Overlap = Field(
        description="A box that overlaps a better one by more is suppressed (paper §4.1: 0.3)."
    )
    top: Count = Field(description="Boxes kept per class and image (release spp_test.m: 100).")


class Suppression(Section):
    """Suppression once more, after box regression."""

    nms: Overlap = Field(
        description="A regressed box that overlaps a better one by more is suppressed (release "
        "imdb_eval_voc.m: 0.3)."
    )


class Evaluation(Bootstrap, Suppression):
    """Mean average precision and its interval."""

    iou: Overlap = Field(
        description="Least overlap of a true positive (VOC07 devkit VOCevaldet.m: 0.5)."
    )


class DetectionTiming(Section):
    """Measured speed of the detectors of Table 9."""

    images: Count = Field(
        description="Test images, taken from the classes in turn (paper §4.3: 100)."
    )
    repeats: Count = Field(description="Passes over the images.")
    batch: tuple[Count, ...] = Field(
        min_length=1, description="R-CNN: boxes per pass; the fastest is used."
    )
