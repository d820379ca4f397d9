"""The sections of a configuration file that Tables 1 to 8 need; all of them may be left out."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sppnet.sections import Count, Name, Natural, Recipe, Section

Chain = Literal["zf5", "convnet5", "overfeat5", "overfeat7", "alex5"]
Layer = Literal["conv4", "conv5", "pool", "spp", "fc6", "fc7"]


class ViewSet(Section):
    """Which views of an image are scored."""

    source: Literal["crops", "maps"] = Field(
        description="Cut views from the image, or pool them from the map of the whole image."
    )
    scales: list[Count] = Field(description="Shorter sides that views are taken at, pixels.")
    window: Count = Field(description="Side of a view, pixels.")
    positions: Literal[1, 5, 9] = Field(description="Views per scale.")
    mirrored: bool = Field(description="Each view of the mirrored image counts too.")
    full: Count | None = Field(description="Shorter side of a view of the whole image, or null.")

    @field_validator("window")
    @classmethod
    def _window_fits(cls, window: int, earlier: ValidationInfo) -> int:
        smallest = min(earlier.data.get("scales", []), default=window)
        if window > smallest:
            raise ValueError(f"{window} pixels do not fit the scale {smallest}; lower it")
        return window

    @field_validator("full")
    @classmethod
    def _some_view(cls, full: int | None, earlier: ValidationInfo) -> int | None:
        if full is None and not earlier.data.get("scales", [1]):
            raise ValueError("no view is left; give a size here, or scales")
        return full


class Backbone(Section):
    """A column of Table 2."""

    title: str = Field(description="Heading of the table's column.")
    reference: str | None = Field(description="Column of the paper's table; null for none.")
    width: Annotated[float, Field(gt=0)] = Field(description="Factor on all channel numbers.")
    epochs: Count = Field(description="Passes over images_per_epoch images.")


class TrainingVariant(Section):
    """A row of Table 2: the last pooling, and the sizes of the training images."""

    title: str = Field(description="Heading of the table's row.")
    reference: str | None = Field(description="Row of the paper's table; null for none.")
    levels: list[Count] = Field(min_length=1, description="Bins per side of each pyramid level.")
    sizes: list[Count] = Field(min_length=1, description="Sides of the training images, pixels.")
    size_choice: Literal["alternate", "random"] = Field(
        description="One size after the other, or any between them, an epoch each."
    )


class Head(Section):
    """What all classifiers have in common besides the backbone."""

    fc: Count = Field(description="Units of fc6 and of fc7.")
    mean: list[float] = Field(min_length=3, max_length=3, description="Subtracted per channel.")
    std: Annotated[float, Field(gt=0)] = Field(description="Divisor after that.")
    channel_order: Literal["RGB", "BGR"] = Field(description="Order of channels and of mean.")


class Classifiers(Section):
    """The networks of Tables 2 to 5: every backbone and training variant, several times each."""

    seeds: list[Natural] = Field(min_length=1, description="One network per seed.")
    head: Head
    training: Recipe
    backbones: dict[Literal[Chain, "squeezenet"], Backbone] = Field(min_length=1)
    variants: dict[Name, TrainingVariant] = Field(min_length=1)


class Table1(Section):
    """The architectures of Table 1."""

    backbones: list[Chain] = Field(min_length=1, description="Backbones, in row order.")
    input_size: Count = Field(description="Side of the image that runs through them, pixels.")


class Table2(Section):
    """Error of every backbone and training variant."""

    variants: list[Name] = Field(
        min_length=3, max_length=3, description="No SPP, SPP at one size, SPP at two sizes."
    )
    view_set: Name


class Table3(Section):
    """A crop against the full image."""

    backbones: list[Name] = Field(min_length=1)
    variants: dict[Literal["single", "multi"], Name] = Field(min_length=1)
    crop: Name = Field(description="Views of the crop.")
    full: Name = Field(description="Views of the full image.")


class Table4(Section):
    """Many views of one network, beside other methods."""

    backbone: Name
    variant: Name
    views_10: Name = Field(description="10 views.")
    views_96: Name = Field(description="96 views.")
    views_98: Name = Field(description="96 views and 2 full ones.")
    crops: Name = Field(description="10 views cut from the image.")
    maps: Name = Field(description="The same 10 views, pooled from the map.")


class Table5(Section):
    """A combination of networks."""

    members: list[Annotated[list[Name], Field(min_length=2, max_length=2)]] = Field(
        min_length=1, description="Pairs of backbone and variant; all seeds of each."
    )
    view_set: Name


class Ablations(Section):
    """The two further training variants that the paper's text reports."""

    fewer_bins: Name = Field(description="Variant with 30 bins, for ZF-5.")
    random_size: Name = Field(description="Variant with a random size per epoch, for Overfeat-7.")
    fewer_bins_backbone: Name
    random_size_backbone: Name


class ErrorTables(Section):
    """Tables 2 to 5 and the ablations."""

    table2: Table2
    table3: Table3
    table4: Table4
    table5: Table5
    ablations: Ablations


class TransferColumn(Section):
    """A column of Table 6 or 7: a network, and its image view."""

    title: str = Field(description="Heading of the column.")
    reference: str | None = Field(description="Column of the paper's table; null for none.")
    network: str = Field(description="One of the networks, or BACKBONE-VARIANT-SEED.")
    input: Literal["crop", "full", "warp"] = Field(
        description="Centre crop, full image, or the image warped to a square."
    )
    sizes: list[Count] = Field(
        min_length=1, description="Shorter sides, pixels; of several, held-out images choose one."
    )
    crop: Count | None = Field(description="Side of the centre crop, pixels; null for no crop.")

    @field_validator("crop")
    @classmethod
    def _crop_fits(cls, crop: int | None, earlier: ValidationInfo) -> int | None:
        shown = earlier.data.get("input")
        if shown is not None and (shown == "crop") != (crop is not None):
            raise ValueError(
                f"{crop} with input {shown}; give a side with input crop, and only there"
            )
        smallest = min(earlier.data.get("sizes", []), default=crop)
        if crop is not None and smallest is not None and crop > smallest:
            raise ValueError(f"{crop} pixels do not fit the size {smallest}; lower it")
        return crop


class Table6(Section):
    """VOC 2007."""

    holdout: Annotated[float, Field(gt=0, lt=1, description="Share that chooses the size.")]
    columns: dict[Name, TransferColumn] = Field(min_length=1)


class Table7(Section):
    """Caltech-101."""

    root: str = Field(description="Folder with 101_ObjectCategories in it.")
    train_per_class: Count = Field(description="Training images of a category.")
    test_per_class: Count = Field(description="Most test images of a category.")
    splits: Count = Field(description="Random splits.")
    split_halves: Count = Field(description="Random split-halves of the images for the interval.")
    columns: dict[Name, TransferColumn] = Field(min_length=1)
    warped: Name = Field(description="Column whose images are warped to squares instead.")
    warped_beside: Name = Field(description="Column that it is compared with.")

    @field_validator("columns")
    @classmethod
    def _one_size(cls, columns: dict[str, TransferColumn]) -> dict[str, TransferColumn]:
        for name, column in columns.items():
            if len(column.sizes) > 1:
                raise ValueError(
                    f"{name}.sizes are {column.sizes}, of which no images here choose; keep one"
                )
        return columns


class Table8(Section):
    """Our columns beside other methods: one of each table, with the layer that speaks for it."""

    voc07: Name
    voc07_layer: Layer
    caltech101: Name
    caltech101_layer: Layer


class Transfer(Section):
    """Linear SVMs on features of whole images."""

    cost: Annotated[float, Field(gt=0)] = Field(description="Soft-margin C.")
    bootstrap: Count = Field(description="Table 6: resamplings of the test images.")
    seed: Natural = Field(description="Of the held-out part, splits, resamplings and split-halves.")
    table6: Table6
    table7: Table7
    table8: Table8


class Responses(Section):
    """Where filters of the last convolution respond most (the paper's Figure 2)."""

    network: str = Field(description="One of the networks, or BACKBONE-VARIANT-SEED.")
    dataset: Literal["classification", "detection"]
    split: str = Field(description="val, or test.")
    filters: Count
    images: Count = Field(description="Images of each filter.")
    size: Count = Field(description="Shorter side of the images, pixels.")
