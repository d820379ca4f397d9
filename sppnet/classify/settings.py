"""Settings of image classification: networks of Tables 2 to 5, views, transfer, timing."""

from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from sppnet.config.section import SEED, Count, Name, Pixels, Positive, Section, Seed
from sppnet.models.settings import Architecture, Chain, Head, Network, Recipe, Sizes, Training

BackboneName = Literal[Chain, "squeezenet"]
Layer = Literal["conv4", "conv5", "pool", "spp", "fc6", "fc7"]


class TrainingImages(Section):
    """Labelled images to train and to validate on: a manifest, or stores made of one."""

    manifest: Path | None = Field(default=None, description="Manifest of the images.")
    store: Path | None = Field(default=None, description="Stored training images.")
    validation_store: Path | None = Field(default=None, description="Stored validation images.")


class Windows(Section):
    """Square windows of an image at several scales."""

    scales: tuple[Pixels, ...] = Field(
        default=(),
        description="Shorter sides to which the image is resized before views are taken.",
    )
    window: Pixels = Field(description="Side of a view (paper §3.1: 224).")
    positions: Literal[1, 5, 9] = Field(description="Number of views per scale.")

    @field_validator("positions", mode="before")
    @classmethod
    def _from_option(cls, positions: object, given: ValidationInfo) -> object:
        """Options are texts, which pydantic turns into numbers, but not into choices among them."""
        number = given.mode == "python" and isinstance(positions, str) and positions.isdigit()
        return int(str(positions)) if number else positions

    @field_validator("window")
    @classmethod
    def _window_fits(cls, window: int, earlier: ValidationInfo) -> int:
        smallest = min(earlier.data.get("scales", ()), default=window)
        if window > smallest:
            raise ValueError(f"{window} pixels do not fit the scale {smallest}; lower it")
        return window


class ViewSet(Windows):
    """The views of an image whose scores are averaged."""

    source: Literal["crops", "maps"] = Field(
        description="Source of the views: crops of the image, with one pass of the backbone per "
        "view, or maps of the whole image, with one pass per scale and mirror image (paper "
        "§3.1.5)."
    )
    mirrored: bool = Field(description="Add the same views of the mirrored image.")
    full: Pixels | None = Field(
        default=None,
        validate_default=True,
        description="Shorter side of an additional view of the whole image; no such view if not "
        "given.",
    )

    @field_validator("full")
    @classmethod
    def _some_view(cls, full: int | None, earlier: ValidationInfo) -> int | None:
        if full is None and not earlier.data.get("scales", (1,)):
            raise ValueError("no view is left; give a size here, or scales")
        return full

    @property
    def sizes(self) -> tuple[int, ...]:
        """All shorter sides in pixels that an image is resized to, each once."""
        return tuple(dict.fromkeys([*self.scales, *([self.full] if self.full else [])]))


class ScoredViews(Section):
    """The views that are scored already."""

    base: Path | None = Field(
        default=None,
        description="Scores on the same views without the full one, which alone is scored then.",
    )


class Backbone(Section):
    """A column of Table 2."""

    title: str = Field(description="Heading of the column.")
    reference: str | None = Field(
        default=None, description="Column of the paper's table to compare with."
    )
    width: Positive = Field(description="Multiplier of all channel counts of the backbone.")
    epochs: Count = Field(
        description="Number of epochs, each of images_per_epoch images (paper §3.1: 70 or 90)."
    )


class TrainingVariant(Sizes):
    """A row of Table 2: the pyramid, and the sizes of the training images."""

    title: str = Field(description="Heading of the row.")
    reference: str | None = Field(
        default=None, description="Row of the paper's table to compare with."
    )
    levels: tuple[Count, ...] = Field(
        min_length=1,
        description="Number of bins per side of each pyramid level; 6 alone is no SPP (paper "
        "§3.1.2).",
    )


class Classifiers(Section):
    """The networks of Tables 2 to 5: every backbone in every training variant, once per seed."""

    seeds: tuple[Seed, ...] = Field(
        min_length=1, description="Seeds, for each of which all networks are trained."
    )
    head: Head
    training: Recipe
    backbones: dict[BackboneName, Backbone] = Field(min_length=1, description="Columns of Table 2.")
    variants: dict[Name, TrainingVariant] = Field(
        min_length=1, description="Rows of Table 2 and of the ablations."
    )

    def names(self, backbone: str, variant: str) -> list[str]:
        """Networks of a backbone in a training variant, one per seed."""
        return [f"{backbone}-{variant}-{seed}" for seed in self.seeds]

    def networks(self) -> dict[str, Network]:
        """All networks by name."""
        return {
            name: self._network(backbone, variant, seed)
            for backbone, variant in product(self.backbones, self.variants)
            for name, seed in zip(self.names(backbone, variant), self.seeds, strict=True)
        }

    def _network(self, name: BackboneName, variant_name: str, seed: int) -> Network:
        backbone, variant = self.backbones[name], self.variants[variant_name]
        return Network(
            architecture=Architecture(
                backbone=name, width=backbone.width, levels=variant.levels, **dict(self.head)
            ),
            imported_backbone=None,
            training=Training(
                **dict(self.training),
                **dict(Sizes.of(variant)),
                epochs=backbone.epochs,
                seed=seed,
            ),
        )


class ViewTiming(Section):
    """Measured speed of the view sets of Table 4."""

    images: Count = Field(
        description="Number of validation images, taken from the classes in turn."
    )
    repeats: Count = Field(description="Number of passes over the images.")


class TrainingTiming(Section):
    """Measured speed of training at one size and at two."""

    batches: Count = Field(description="Number of batches at each size in a block.")
    turns: Count = Field(
        description="Number of blocks per training variant; the variants take turns."
    )


def _with_input_crop(crop: int | None, earlier: ValidationInfo) -> int | None:
    kind = earlier.data.get("input")
    if kind is not None and (kind == "crop") != (crop is not None):
        raise ValueError(f"{crop} with input {kind}; give a side with input crop, and only there")
    return crop


CropSide = Annotated[Pixels | None, AfterValidator(_with_input_crop)]
CROP = Field(default=None, validate_default=True, description="Side of the centre crop.")


class ImageInput(Section):
    """How transfer presents an image to a network (paper §3.2; warped: paper §3.3)."""

    input: Literal["crop", "full", "warp"] = Field(
        description="Image view: the centre crop, the full image, or the image warped to a square."
    )


class ImageView(ImageInput):
    """The crop, the full image or the square that a network is given of an image."""

    size: Pixels = Field(description="Shorter side of the resized image, or side of the square.")
    crop: CropSide = CROP


class TransferColumn(ImageInput):
    """A column of Table 6 or 7: a network, and how it is shown an image."""

    title: str = Field(description="Heading of the column.")
    reference: str | None = Field(
        default=None, description="Column of the paper's table to compare with."
    )
    network: str = Field(description="Name of one of the networks, or BACKBONE-VARIANT-SEED.")
    sizes: tuple[Pixels, ...] = Field(
        min_length=1,
        description="Shorter sides of the resized image; one of several is chosen on held-out "
        "images.",
    )
    crop: CropSide = CROP

    @field_validator("crop")
    @classmethod
    def _crop_fits(cls, crop: int | None, earlier: ValidationInfo) -> int | None:
        smallest = min(earlier.data.get("sizes", ()), default=crop)
        if crop is not None and smallest is not None and crop > smallest:
            raise ValueError(f"{crop} pixels do not fit the size {smallest}; lower it")
        return crop

    @property
    def views(self) -> list[ImageView]:
        """One per size."""
        return [ImageView(input=self.input, size=size, crop=self.crop) for size in self.sizes]


class SizeChoice(Section):
    """How the image size of a column is chosen (paper §3.2: on validation)."""

    holdout: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="Share of trainval that is held out to choose among several sizes."
    )


class Samples(Section):
    """Bootstrap samples behind the intervals of VOC 2007."""

    bootstrap: Count = Field(
        description="Number of bootstrap samples of the test images of VOC 2007."
    )


class VocProtocol(SizeChoice, Samples):
    """VOC 2007: training on trainval, mean average precision on test (paper §3.2)."""


class Table6(SizeChoice):
    """VOC 2007."""

    columns: dict[Name, TransferColumn] = Field(min_length=1, description="Columns in table order.")


class CategoryImages(Section):
    """What every category of Caltech-101 must have."""

    train_per_class: Count = Field(
        description="Number of training images per category (paper §3.3: 30)."
    )


class CaltechSplits(CategoryImages):
    """Caltech-101: mean accuracy over the categories, averaged over random splits (paper §3.3)."""

    test_per_class: Count = Field(
        description="Maximum number of test images per category (paper §3.3: 50)."
    )
    splits: Count = Field(description="Number of random splits (paper §3.3: 10).")
    split_halves: Count = Field(
        description="Number of random split-halves of the images, for the interval of the accuracy."
    )


class Table7(CaltechSplits):
    """Caltech-101."""

    root: str = Field(description="Folder that contains 101_ObjectCategories.")
    columns: dict[Name, TransferColumn] = Field(min_length=1, description="Columns in table order.")
    warped: Name = Field(
        description="Column of warped images; its pyramid is the last row of warped_beside."
    )
    warped_beside: Name = Field(description="Column of images that are not warped, for comparison.")

    @field_validator("columns")
    @classmethod
    def _one_size(cls, columns: dict[str, TransferColumn]) -> dict[str, TransferColumn]:
        for name, column in columns.items():
            if len(column.sizes) > 1:
                raise ValueError(
                    f"{name}.sizes are {list(column.sizes)}, but no images here choose one; keep "
                    "one"
                )
        return columns


class Table8(Section):
    """Our columns beside other methods: one of Table 6 and one of Table 7, each with a layer."""

    voc07: Name = Field(description="Column of Table 6.")
    voc07_layer: Layer = Field(description="Layer of that column.")
    caltech101: Name = Field(description="Column of Table 7.")
    caltech101_layer: Layer = Field(description="Layer of that column.")


class TransferFeatures(Section):
    """Cached features of whole images."""

    features: tuple[Path, ...] = Field(
        min_length=1,
        description="Features of trainval, one file per image size, or of all of Caltech-101.",
    )
    test_features: tuple[Path, ...] = Field(
        default=(), description="VOC 2007: features of test, in the order of features."
    )


class TransferSvm(Section):
    """Linear SVMs on features of whole images."""

    cost: Positive = Field(description="Soft-margin parameter C (paper §3.2: 1).")
    seed: Seed = Field(description=SEED)


class Transfer(TransferSvm, Samples):
    """Transfer to VOC 2007 and Caltech-101: Tables 6 to 8."""

    table6: Table6
    table7: Table7
    table8: Table8
