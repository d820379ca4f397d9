"""Settings of image sets: where they are, and how they are generated and stored."""

from typing import Annotated

from pydantic import Field

from sppnet.config.section import SEED, Count, Fraction, PixelRange, Pixels, Positive, Section, Seed

JpegQuality = Annotated[int, Field(ge=1, le=100)]
Ratios = tuple[Positive, Positive]


class Data(Section):
    """Where the photographs are."""

    voc: str = Field(description="A VOC folder with Annotations, ImageSets and JPEGImages.")
    trainval: str = Field(description="Image set for training, a name in ImageSets/Main.")
    test: str = Field(description="Image set for testing, a name in ImageSets/Main.")
    image_folder: str | None = Field(
        default=None,
        description="Pretraining images: train/ and val/, one folder per class.",
    )
    imagenet: str | None = Field(
        default=None,
        description="Instead, ImageNet 2012: its archives and devkit, or its folders.",
    )


class Drawing(Section):
    """What all generated sets share."""

    seed: Seed = Field(description=SEED)
    aspects: Ratios = Field(description="Longer over shorter side of an image: lowest, highest.")
    quality: JpegQuality = Field(description="JPEG quality.")


class Scenes(Drawing):
    """The generated sets: one object per image for classification, several for detection."""

    classification_train: Count = Field(description="Images to pretrain on.")
    classification_validation: Count = Field(description="Images to validate networks on.")
    detection_trainval: Count = Field(description="Images to train detectors on.")
    detection_test: Count = Field(description="Images to test detectors on.")
    caltech_per_class: Count = Field(description="Images of each class in Caltech-101's layout.")
    classification_sides: PixelRange = Field(description="Shorter side of an image.")
    detection_sides: PixelRange = Field(description="Shorter side of an image.")
    classification_object_sides: Ratios = Field(
        description="Longer side of an object over the image's shorter side: lowest, highest."
    )
    detection_object_sides: Ratios = Field(
        description="Longer side of an object over the image's shorter side: lowest, highest."
    )
    detection_objects: tuple[Count, Count] = Field(description="Objects in an image: fewest, most.")
    detection_cut: Fraction = Field(description="Share of objects that the border may cut off.")


class ScenePlan(Drawing):
    """One generated set."""

    images: tuple[Count, ...] = Field(
        min_length=1, description="Images of each split: train, val; trainval, test; or all."
    )
    sides: PixelRange = Field(description="Shorter side of an image: lowest, highest.")
    object_sides: Ratios = Field(
        description="Longer side of an object over the image's shorter side: lowest, highest."
    )
    objects: tuple[Count, Count] = Field(description="Objects in an image: fewest, most.")
    cut: Fraction = Field(description="Share of objects that the border may cut off.")


class StoredForm(Section):
    """The form in which pretraining images are stored."""

    size: Pixels | None = Field(
        default=None, description="Shorter side; the files as they are if not given."
    )
    quality: JpegQuality | None = Field(
        default=None, description="JPEG quality; uncompressed pixels if not given."
    )


class Store(StoredForm):
    """Pretraining images, resized once and kept in a few large files."""

    shard_images: Count = Field(description="Images per file.")
