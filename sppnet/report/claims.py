"""The claims of the paper, each with the two paper numbers behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from sppnet.errors import SppnetError
from sppnet.report.paper_numbers import (
    Metric,
    PaperNumber,
    Views,
    full_image_error,
    variant_error,
    views_error,
)

Kind = Literal["errors", "map", "accuracy", "image time", "epoch time"]
Value = TypeVar("Value", float, NDArray[np.float64])
Numbers = tuple[PaperNumber, PaperNumber]  # of ours and of the reference


@dataclass(frozen=True)
class Claim:
    """A claim of the paper: one side, `ours`, is better than the other, the reference.

    Attributes:
        name: identifier.
        text: the claim in words.
        kind: what is compared.
        paper: keys of the paper numbers of both sides; None where the paper gives none.
        backbones: the backbones with which those numbers were measured.
        top: errors: 1 or 5, as in the paper.
        rows: map and accuracy: rows of the evaluation, or layers, of both sides.
        same_networks: errors: both sides test the same networks, in two ways.
        bound: the claim holds if the effect is above it.
        margin: replaces the bound; the claim holds if the effect is within +- margin.
        needs_aspects: made only if some test image is no square: of a square, the full image and
            views at its edges hardly differ from the centre crop.
    """

    name: str
    text: str
    kind: Kind
    paper: Numbers | None
    backbones: tuple[str, str] | None = None
    top: int = 1
    rows: tuple[str, str] = ("", "")
    same_networks: bool = False
    bound: float = 0.0
    margin: float | None = None
    needs_aspects: bool = False

    @property
    def is_ratio(self) -> bool:
        """Whether effects are ratios rather than differences."""
        return self.kind in ("image time", "epoch time")

    def effect(self, ours: Value, reference: Value) -> Value:
        """How much better ours is; small errors and times are better, and large other values."""
        if self.is_ratio:
            return reference / ours
        return reference - ours if self.kind == "errors" else ours - reference


NETWORKS = {
    "zf5": "ZF-5",
    "convnet5": "Convnet*-5",
    "overfeat5": "Overfeat-5",
    "overfeat7": "Overfeat-7",
}
TITLES = {
    **NETWORKS,
    "alex5": "Alex-5",
    "squeezenet": "SqueezeNet",
    "efficientnet_lite0": "EfficientNet-Lite0",
}
ZF5, OVERFEAT7 = ("zf5", "zf5"), ("overfeat7", "overfeat7")
RIVALS = ("zf5", "alex5")
TRAINED_AT: dict[Literal["single", "multi"], str] = {"single": "one size", "multi": "two sizes"}
ONE_SCALE, FIVE_SCALES, RCNN = "SPP_1sc_ZF5", "SPP_5sc_ZF5", "RCNN_Alex5"  # columns of Table 9


def _pooling_claims() -> list[Claim]:
    """Table 2 and the ablations of §3.1.2 and §3.1.3."""
    claims = []
    for short, column in NETWORKS.items():
        plain, single, multi = (
            variant_error(row, column, "top1") for row in ("no_SPP", "SPP_single", "SPP_multi")
        )
        spp = f"{column}: pyramid pooling errs less than plain pooling"
        sizes = f"{column}: training at two sizes errs less than at one"
        claims += [
            Claim(f"spp_{short}", spp, "errors", (single, plain), (short, short)),
            Claim(f"multi_size_{short}", sizes, "errors", (multi, single), (short, short)),
        ]
    random = variant_error("SPP_random", "Overfeat-7", "top1")
    return [
        *claims,
        Claim(
            "fewer_bins",
            "A pyramid of 30 bins, with fewer parameters, still errs less than plain pooling",
            "errors",
            (variant_error("SPP_30bins", "ZF-5", "top1"), variant_error("no_SPP", "ZF-5", "top1")),
            ZF5,
        ),
        Claim(
            "random_size_better_than_one",
            "Training at random sizes errs less than at one size",
            "errors",
            (random, variant_error("SPP_single", "Overfeat-7", "top1")),
            OVERFEAT7,
        ),
        Claim(
            "random_size_worse_than_two",
            "Training at two sizes errs less than at random sizes",
            "errors",
            (variant_error("SPP_multi", "Overfeat-7", "top1"), random),
            OVERFEAT7,
        ),
    ]


def _view_claims() -> list[Claim]:
    """Table 3, §3.1.4 and §3.1.5."""
    crops = [
        Claim(
            f"full_image_{short}_{train}",
            f"{NETWORKS[short]} trained at {sizes}: the full image errs less than its centre crop",
            "errors",
            (
                full_image_error(NETWORKS[short], train, "full"),
                full_image_error(NETWORKS[short], train, "crop"),
            ),
            (short, short),
            same_networks=True,
            needs_aspects=True,
        )
        for short in ("zf5", "overfeat7")
        for train, sizes in TRAINED_AT.items()
    ]
    equal = Claim(
        "map_views_equal",
        "10 views pooled from the feature map err like 10 crops, within 0.1 points",
        "errors",
        None,
        top=5,
        same_networks=True,
        margin=0.1,  # paper §3.1.5
    )
    return [
        *crops,
        _views_claim("views_96", "96 views err less than 10", 5, "96", "10"),
        _views_claim("views_98", "96 views and 2 full ones err less than 10", 1, "96+2full", "10"),
        _views_claim("views_full", "2 full views help even beside 96", 5, "96+2full", "96"),
        equal,
    ]


def _views_claim(name: str, text: str, top: Literal[1, 5], ours: Views, reference: Views) -> Claim:
    metric: Metric = "top5" if top == 5 else "top1"
    numbers = (views_error(ours, metric), views_error(reference, metric))
    return Claim(
        name,
        text,
        "errors",
        numbers,
        OVERFEAT7,
        top=top,
        same_networks=True,
        needs_aspects=True,
    )


def _cost_claims() -> list[Claim]:
    """§2.3 and §3.1.4; the paper gives no numbers."""
    maps = "Views pooled from the feature map take less time than crops"
    sizes = "An epoch of training at two sizes takes no more time than at one"
    return [
        Claim("map_views_faster", maps, "image time", None, bound=1.0),
        Claim("two_sizes_time", sizes, "epoch time", None, bound=1.0),
    ]


def _transfer_claims() -> list[Claim]:
    """Tables 6 and 7."""
    crop, full, large = "b_SPP_ZF5_crop224", "c_SPP_ZF5_full224", "d_SPP_ZF5_full392"
    fc7, pyramid, level = ("fc7/9", "fc7"), ("SPP_pool5/7", "spp"), ("pool5/7_6x6", "pool")
    return [
        _accuracy_claim(
            "voc07_full_image",
            "VOC 2007 classification: features of the full image beat those of its centre crop",
            (6, fc7, full),
            (6, fc7, crop),
        ),
        _accuracy_claim(
            "voc07_larger_scale",
            "VOC 2007 classification: a larger image beats a smaller one",
            (6, fc7, large),
            (6, fc7, full),
        ),
        _accuracy_claim(
            "caltech101_pyramid",
            "Caltech-101: the pooled pyramid beats its 6 x 6 level alone",
            (7, pyramid, full),
            (7, level, full),
        ),
        _accuracy_claim(
            "caltech101_full_image",
            "Caltech-101: the pyramid of the full image beats that of its centre crop",
            (7, pyramid, full),
            (7, pyramid, crop),
        ),
    ]


# A cell of Table 6 or 7: the table, the paper's row with the layer that we measure, and the column.
TransferCell = tuple[int, tuple[str, str], str]


def _accuracy_claim(name: str, text: str, ours: TransferCell, reference: TransferCell) -> Claim:
    first, second = (
        PaperNumber(table=table, row=row, column=column)
        for table, (row, _), column in (ours, reference)
    )
    layers = (ours[1][1], reference[1][1])
    return Claim(name, text, "accuracy", (first, second), ZF5, rows=layers)


def _detection_claims() -> list[Claim]:
    """Table 9: accuracy."""
    best, before, after = "ftfc7bb", "ftfc7", "ftfc7 bb"
    return [
        _map_claim(
            "five_scales",
            "Detection: five scales beat one",
            _table9(best, FIVE_SCALES, best, ONE_SCALE),
            (after, after),
        ),
        _map_claim(
            "fine_tuning",
            "Detection: fine-tuning improves fc6",
            _table9("ftfc6", FIVE_SCALES, "fc6", FIVE_SCALES),
            ("ftfc6", "fc6"),
        ),
        _map_claim(
            "box_regression",
            "Detection: box regression improves fine-tuned fc7",
            _table9(best, FIVE_SCALES, before, FIVE_SCALES),
            (after, before),
        ),
        _map_claim(
            "as_accurate_as_rcnn",
            "Detection: SPP-net loses less than one point of mAP against R-CNN",
            _table9(best, FIVE_SCALES, best, RCNN),
            (after, after),
            RIVALS,
            bound=-1.0,  # ours; docs/claims.md
        ),
    ]


def _map_claim(
    name: str,
    text: str,
    numbers: Numbers,
    rows: tuple[str, str],
    backbones: tuple[str, str] = ZF5,
    bound: float = 0.0,
) -> Claim:
    return Claim(name, text, "map", numbers, backbones, rows=rows, bound=bound)


def _speed_claims() -> list[Claim]:
    """Table 9: speed."""
    return [
        Claim(
            f"faster_than_rcnn_{words}",
            f"Detection: SPP-net at {words.replace('_', ' ')} is faster than R-CNN",
            "image time",
            _table9("total_s", column, "total_s", RCNN),
            RIVALS,
            bound=1.0,
        )
        for words, column in (("one_scale", ONE_SCALE), ("five_scales", FIVE_SCALES))
    ]


def _table9(row: str, column: str, other_row: str, other_column: str) -> Numbers:
    return (
        PaperNumber(table=9, row=row, column=column),
        PaperNumber(table=9, row=other_row, column=other_column),
    )


CLAIMS: Mapping[str, Claim] = {
    claim.name: claim
    for claim in (
        *_pooling_claims(),
        *_view_claims(),
        *_cost_claims(),
        *_transfer_claims(),
        *_detection_claims(),
        *_speed_claims(),
    )
}


def find_claim(name: str) -> Claim:
    """The claim of that name.

    Raises:
        SppnetError: there is no such claim.
    """
    if name not in CLAIMS:
        raise SppnetError(f"--comparisons: no claim {name!r}; use one of {', '.join(CLAIMS)}")
    return CLAIMS[name]
