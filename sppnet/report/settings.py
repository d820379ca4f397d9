"""Settings of tables and figures: which networks, detectors and view sets each of them shows."""

from typing import Annotated, Literal

from pydantic import Field

from sppnet.config.section import Count, Name, Pixels, Section
from sppnet.models.settings import Chain

Pair = Annotated[tuple[Name, Name], Field(description="Backbone and training variant.")]


class Table1(Section):
    """The architectures of Table 1."""

    backbones: tuple[Chain, ...] = Field(min_length=1, description="Backbones in row order.")
    input_size: Pixels = Field(description="Side of the input image (paper Table 1: 224).")


class Table2(Section):
    """Errors of every backbone and training variant."""

    variants: tuple[Name, Name, Name] = Field(
        description="Training variants: no SPP, SPP trained at one size, SPP trained at two sizes."
    )
    view_set: Name = Field(description="View set for testing.")


class Table3(Section):
    """The centre crop against the full image."""

    backbones: tuple[Name, ...] = Field(min_length=1, description="Backbones in row order.")
    variants: dict[Literal["single", "multi"], Name] = Field(
        min_length=1, description="Training variants: SPP trained at one size and at two sizes."
    )
    crop: Name = Field(description="View set with the centre crop.")
    full: Name = Field(description="View set with the full image.")


class Table4(Section):
    """One network on few and on many views, beside other methods."""

    backbone: Name = Field(description="Backbone of the network.")
    variant: Name = Field(description="Training variant of the network.")
    views_10: Name = Field(description="View set with 10 views.")
    views_96: Name = Field(description="View set with 96 views.")
    views_98: Name = Field(description="View set with 96 views and 2 views of the full image.")
    crops: Name = Field(description="View set with 10 views cropped from the image.")
    maps: Name = Field(description="View set with the same 10 views pooled from the feature map.")


class Table5(Section):
    """A combination of networks."""

    members: tuple[Pair, ...] = Field(
        min_length=1,
        description="Networks to combine: pairs of backbone and training variant, with all seeds "
        "of each.",
    )
    view_set: Name = Field(description="View set for testing.")


class Ablations(Section):
    """The two training variants that the text of the paper reports."""

    fewer_bins: Name = Field(description="Training variant with 30 bins (paper §3.1.2).")
    random_size: Name = Field(
        description="Training variant with a random size in each epoch (paper §3.1.3)."
    )
    fewer_bins_backbone: Name = Field(description="Backbone of fewer_bins (paper §3.1.2: ZF-5).")
    random_size_backbone: Name = Field(
        description="Backbone of random_size (paper §3.1.3: Overfeat-7)."
    )


class ErrorTables(Section):
    """Tables 2 to 5 and the ablations."""

    table2: Table2
    table3: Table3
    table4: Table4
    table5: Table5
    ablations: Ablations


class Speedups(Section):
    """What the speed of detectors is compared with."""

    baseline: Name = Field(description="Column relative to which speedups are computed.")


class Table9(Speedups):
    """The detectors of Table 9."""

    columns: tuple[Name, ...] = Field(min_length=1, description="Detectors in column order.")


class DetectionPage(Section):
    """A page of photographs with detections."""

    images: Count = Field(description="Number of test images, taken from the classes in turn.")
    minimum_score: float = Field(description="Score above which a box is drawn.")


class Figures(DetectionPage):
    """Detections drawn on photographs."""

    detector: Name = Field(description="Detector whose detections are drawn.")


class StrongestResponses(Section):
    """The filters and images of the figure of responses."""

    dataset: Literal["classification", "detection"] = Field(description="Image set.")
    split: str = Field(description="Split of the image set: val or test.")
    filters: Count = Field(description="Number of filters.")
    images: Count = Field(description="Number of images per filter.")
    size: Pixels = Field(description="Shorter side of the resized images.")


class Responses(StrongestResponses):
    """Images to which filters of the last convolution respond most (paper §2.1)."""

    network: str = Field(description="Name of one of the networks, or BACKBONE-VARIANT-SEED.")
