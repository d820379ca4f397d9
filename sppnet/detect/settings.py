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
        description="Thresholds k of the initial segmentations (release selective_search_boxes.m: "
        "50, 100).",
    )
    sigma: Positive = Field(
        description="Standard deviation of the Gaussian smoothing before segmentation, in pixels."
    )
    longest_side: Pixels = Field(
        description="Longest side at which an image is searched: a larger one is shrunk to it, and "
        "its boxes are scaled back. The time of a search grows faster than the number of pixels."
    )
    minimum_side: Pixels = Field(
        description="Minimum side of a box in the image as it is searched; smaller boxes are "
        "dropped."
    )
    maximum: Natural = Field(
        description="Maximum number of boxes kept per image, in order; 0 for all."
    )


class MapPooling(Section):
    """How a box is pooled from conv5 maps of whole images (SPP-net)."""

    scales: tuple[Pixels, ...] = Field(
        min_length=1, description="Shorter sides to which images are resized (paper §4.1)."
    )
    target: Pixels = Field(
        description="Side of the square that a box should match: the box is pooled at the scale "
        "at which its area is nearest to target x target (paper §4.1: 224)."
    )
    shrink: PixelLength = Field(
        description="Length by which a box is shrunk on each side before it is rounded to map "
        "cells (release spm_pool_caffe_mex.cpp: 6.5)."
    )


class Warp(Section):
    """How a box is cropped and warped (R-CNN)."""

    crop: Pixels = Field(description="Side of the warped box, context included (RCNN §2.1: 227).")
    context: Natural = Field(
        description="Context on each side of the warped box, in pixels (RCNN appendix A: 16)."
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
        description="Number of images per split, taken from the classes in turn; all if not given.",
    )


class Column(Section):
    """A detector as a column of a table."""

    title: str = Field(description="Heading of the column.")
    reference: str | None = Field(
        default=None, description="Column of the paper's table to compare with."
    )
    network: Name = Field(description="Name of one of the networks.")


class SppDetector(Column, MapPooling, Subset):
    """Boxes pooled from conv5 maps of whole images."""

    method: Literal["spp"] = Field(description="Detection method: SPP-net.")


class RcnnDetector(Column, Warp, Subset):
    """Boxes cropped from the image and warped, one network pass each."""

    method: Literal["rcnn"] = Field(description="Detection method: R-CNN.")


Detector = Annotated[SppDetector | RcnnDetector, Field(discriminator="method")]


class Sampling(Section):
    """How boxes are drawn for the batches of fine-tuning."""

    batch: Count = Field(
        description="Number of boxes per iteration (release spp_finetune_voc.m: 128)."
    )
    positive_fraction: Fraction = Field(
        description="Share of foreground boxes in a batch (paper §4.1: 0.25)."
    )
    positive_iou: Overlap = Field(
        description="Minimum overlap of a foreground box with an object (paper §4.1: 0.5)."
    )
    images_per_chunk: Count = Field(
        description="Number of images per chunk, within which boxes are mixed."
    )
    windows_per_image: Count = Field(
        description="Number of boxes drawn from each image of a chunk."
    )
    holdout: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="Share of the images that is held out to choose the snapshot with the lowest "
        "loss; 0 takes the last snapshot."
    )
    holdout_windows: Count = Field(description="Maximum number of boxes in the held-out loss.")
    seed: Seed = Field(description=SEED)


class FineTuning(Sampling, Sgd):
    """Fine-tuning on labelled boxes, as far as both methods share it."""

    milestones: tuple[Count, ...] = Field(
        default=(),
        min_length=1,
        description="Iterations after which the learning rate is divided by ten, rounded up to "
        "whole chunks.",
    )
    iterations: Count = Field(description="Number of iterations, rounded up to whole chunks.")
    classifier_std: Positive = Field(
        description="Standard deviation of the new layer's initial weights (paper §4.1: 0.01)."
    )
    dropout: Fraction = Field(
        description="Share of the units of fc6 and fc7 that is left out in training (paper §3.1: "
        "0.5)."
    )


class SppFineTuning(FineTuning):
    """Fine-tuning of the fully-connected layers on pooled maps."""

    negative_low: Overlap = Field(
        description="Minimum overlap of a background box with an object (paper §4.1: 0.1)."
    )
    negative_high: Overlap = Field(
        description="Overlap with every object below which a box is background (paper §4.1: 0.5)."
    )
    scale_choice: Literal["best", "random"] = Field(
        description="Scale at which a training box is pooled (release spp_finetune_voc.m: random)."
    )


class RcnnFineTuning(FineTuning):
    """Fine-tuning of all layers on warped boxes; background is all that is not foreground."""

    mirror: bool = Field(description="Mirror each crop with probability 1/2 (RCNN §2.3).")


class FineTunings(Section):
    """Fine-tuning, by method."""

    spp: SppFineTuning | None = Field(default=None, description="Left out: no SPP-net detector.")
    rcnn: RcnnFineTuning | None = Field(default=None, description="Left out: no R-CNN detector.")


class Scaling(Section):
    """Scaling of features to a mean norm, before SVMs and regression."""

    target_norm: Positive = Field(
        description="Mean L2 norm of the scaled features (release spp_scale_features.m: 20)."
    )
    stats_images: Count = Field(
        description="Number of images on which the mean norm is measured (release "
        "spp_feature_stats.m: 200)."
    )
    stats_boxes: Count = Field(
        description="Number of boxes measured on each of these images (release "
        "spp_feature_stats.m: 200)."
    )
    seed: Seed = Field(description=SEED)


class SvmSolver(Section):
    """Linear SVMs."""

    cost: Positive = Field(description="Soft-margin parameter C (release spp_train.m: 0.001).")
    bias: Positive = Field(
        description="Value of the constant feature that carries the bias (release spp_train.m: 10)."
    )
    positive_weight: Positive = Field(
        description="Weight of positives relative to negatives (release spp_train.m: 2)."
    )
    tolerance: Positive = Field(
        description="Violation of the optimality conditions at which the solver stops."
    )
    seed: Seed = Field(description=SEED)


class Mining(Section):
    """Hard negative mining."""

    negative_iou: Overlap = Field(
        description="Overlap with every object of the class below which a box is a negative "
        "(paper §4.1: 0.3)."
    )
    duplicates: Literal["overlap", "cells", "none"] = Field(
        description="Duplicate negatives that are dropped: those that overlap an earlier one "
        "(paper §4.1), those on the same map cells (release spm_response_boxes.m), or none."
    )
    duplicate_iou: Overlap = Field(
        description="Overlap above which a negative is a duplicate (paper §4.1: 0.7)."
    )
    hard_threshold: float = Field(
        description="Score above which negatives are added (release spp_train.m: -1.0001)."
    )
    evict_threshold: float = Field(
        description="Score below which negatives are dropped (release spp_train.m: -1.2)."
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
        description="Duplicate negatives that are dropped: those that overlap an earlier one, or "
        "none (RCNN release rcnn_train.m)."
    )


class Svms(Section):
    """SVMs, by method."""

    spp: Svm | None = Field(default=None, description="Left out: no SPP-net detector.")
    rcnn: RcnnSvm | None = Field(default=None, description="Left out: no R-CNN detector.")


class BoxRegression(Scaling):
    """Bounding-box regression."""

    overlap: Overlap = Field(
        description="Overlap with an object above which a box is used for training (paper §4.1: "
        "0.5)."
    )
    regularisation: Positive = Field(
        description="Parameter lambda of the ridge regression (release "
        "spp_train_bbox_regressor.m: 4000)."
    )
    whitening: Positive = Field(
        description="Constant added to the eigenvalues of the targets' covariance."
    )
    maximum_pairs: Count = Field(
        description="Maximum number of pairs per class; a random subset if there are more."
    )


class BoxRegressions(Section):
    """Bounding-box regression, by method."""

    spp: BoxRegression | None = Field(default=None, description="Left out: no SPP-net detector.")
    rcnn: BoxRegression | None = Field(default=None, description="Left out: no R-CNN detector.")


class Detection(Section):
    """Which scored boxes are kept."""

    minimum_score: float = Field(
        description="Score above which a box is kept (release spp_test.m: -1.5)."
    )
    nms: Overlap = Field(
        description="Overlap with a higher-scoring box above which a box is suppressed (paper "
        "§4.1: 0.3)."
    )
    top: Count = Field(
        description="Maximum number of boxes kept per class and image (release spp_test.m: 100)."
    )


class Suppression(Section):
    """Suppression once more, after box regression."""

    nms: Overlap = Field(
        description="Overlap with a higher-scoring box above which a regressed box is suppressed "
        "(release imdb_eval_voc.m: 0.3)."
    )


class Evaluation(Bootstrap, Suppression):
    """Mean average precision and its interval."""

    iou: Overlap = Field(
        description="Minimum overlap of a true positive with its object (VOC07 devkit "
        "VOCevaldet.m: 0.5)."
    )


class DetectionTiming(Section):
    """Measured speed of the detectors of Table 9."""

    images: Count = Field(
        description="Number of test images, taken from the classes in turn (paper §4.3: 100)."
    )
    repeats: Count = Field(description="Number of passes over the images.")
    batch: tuple[Count, ...] = Field(
        min_length=1, description="Numbers of boxes per network pass of R-CNN; the fastest is used."
    )
