"""Settings of image sets: where they are, and how they are generated and stored."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from sppnet.config.section import SEED, Count, Fraction, Pixels, Section, Seed, Unit

Layout = Literal["ImageFolder", "ILSVRC2012", "VOCdevkit", "caltech101"]  # of generated sets
JpegQuality = Annotated[int, Field(ge=1, le=100)]


def _lowest_first(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"{list(limits)}; give the lowest value first")
    return limits


LowestFirst = AfterValidator(_lowest_first)
Side = Annotated[int, Field(ge=32, le=4096)]
Sides = Annotated[tuple[Side, Side], Unit("pixels"), LowestFirst]
Aspect = Annotated[float, Field(ge=1, le=8)]
Aspects = Annotated[tuple[Aspect, Aspect], LowestFirst]
ObjectSide = Annotated[float, Field(ge=0.05, le=1)]
ObjectSides = Annotated[tuple[ObjectSide, ObjectSide], LowestFirst]
Objects = Annotated[int, Field(ge=1, le=16)]
ObjectCounts = Annotated[tuple[Objects, Objects], LowestFirst]


class DetectionImages(Section):
    """A detection set in the layout of VOC."""

    voc: str = Field(description="VOC folder with Annotations, ImageSets and JPEGImages.")
    trainval: str = Field(description="Image set for training, by its name in ImageSets/Main.")
    test: str = Field(description="Image set for testing, by its name in ImageSets/Main.")

    @field_validator("test")
    @classmethod
    def _other_images(cls, test: str, earlier: ValidationInfo) -> str:
        if test == earlier.data.get("trainval"):
            raise ValueError(
                f"{test}, as trainval; test on other images than those that are trained on"
            )
        return test


class Data(DetectionImages):
    """Where the photographs are."""

    image_folder: str | None = Field(
        default=None,
        description="Folder of pretraining images: train/ and val/, with one folder per class.",
    )
    imagenet: str | None = Field(
        default=None,
        description="Folder of ImageNet 2012, an alternative to image_folder: archives and "
        "development kit, or extracted folders.",
    )


class Variation(Section):
    """What varies between generated images, each from 0 (nothing) to 1."""

    deformation: Fraction = Field(
        description="Strength of the deformation of objects: 0 leaves them upright and undeformed."
    )
    spread: Fraction = Field(
        description="Range of the objects' places around the image's centre: 0 draws them at the "
        "centre, 1 anywhere."
    )
    clutter: Fraction = Field(
        description="Amount of clutter on the background: 0 leaves one colour and its noise."
    )


class Drawing(Variation):
    """What all generated sets share."""

    seed: Seed = Field(description=SEED)
    aspects: Aspects = Field(
        description="Ratio of the longer to the shorter side of an image: minimum, maximum."
    )
    quality: JpegQuality = Field(description="JPEG quality.")


class Scenes(Drawing):
    """The generated sets: one object per image for classification, several for detection."""

    classification_train: Count = Field(description="Number of images for pretraining.")
    classification_validation: Count = Field(
        description="Number of images for validating networks."
    )
    detection_trainval: Count = Field(description="Number of images for training detectors.")
    detection_test: Count = Field(description="Number of images for testing detectors.")
    caltech_per_class: Count = Field(
        description="Number of images per class in the layout of Caltech-101."
    )
    classification_sides: Sides = Field(description="Shorter side of an image: minimum, maximum.")
    detection_sides: Sides = Field(description="Shorter side of an image: minimum, maximum.")
    classification_object_sides: ObjectSides = Field(
        description="Ratio of an object's longer side to the image's shorter side: minimum, "
        "maximum."
    )
    detection_object_sides: ObjectSides = Field(
        description="Ratio of an object's longer side to the image's shorter side: minimum, "
        "maximum."
    )
    detection_objects: ObjectCounts = Field(
        description="Number of objects per image: minimum, maximum."
    )
    detection_cut: Fraction = Field(
        description="Share of objects that the image border may cut off."
    )


class ScenePlan(Drawing):
    """One generated set."""

    images: tuple[Count, ...] = Field(
        min_length=1,
        description="Number of images in each split: train, val; trainval, test; or all.",
    )
    sides: Sides = Field(description="Shorter side of an image: minimum, maximum.")
    object_sides: ObjectSides = Field(
        description="Ratio of an object's longer side to the image's shorter side: minimum, "
        "maximum."
    )
    objects: ObjectCounts = Field(description="Number of objects per image: minimum, maximum.")
    cut: Fraction = Field(description="Share of objects that the image border may cut off.")


class StoredForm(Section):
    """The form in which pretraining images are stored."""

    size: Pixels | None = Field(
        default=None, description="Shorter side of the stored images; original files if not given."
    )
    quality: JpegQuality | None = Field(
        default=None,
        description="JPEG quality of the stored images; uncompressed pixels if not given.",
    )

    @field_validator("quality")
    @classmethod
    def _of_resized_images(cls, quality: int | None, earlier: ValidationInfo) -> int | None:
        if quality is not None and earlier.data.get("size", 1) is None:
            raise ValueError(f"{quality}, but files are kept as they are; give a size or drop it")
        return quality


class Store(StoredForm):
    """Pretraining images, resized once and kept in a few large files."""

    shard_images: Count = Field(description="Number of images per file.")
