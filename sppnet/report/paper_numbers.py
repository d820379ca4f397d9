"""Keys of the paper's numbers: where each of them stands in reference.csv."""

from typing import Literal

from sppnet.config.section import Section

Metric = Literal["top1", "top5"]
TableKey = int | Literal["ablations", "views"]
Views = Literal["10", "96", "96+2full"]
# Rows that the paper reports in its text (paper §3.1.2, paper §3.1.3), not in Table 2.
ABLATION_ROWS = ("SPP_30bins", "SPP_random")


class PaperNumber(Section):
    """The key of a number of the paper: a table or a part of the text, a row and a column."""

    table: TableKey
    row: str
    column: str


def variant_error(variant: str, backbone: str, metric: Metric) -> PaperNumber:
    """Error of a backbone in a training variant: Table 2, and the ablations of the text."""
    table: TableKey = "ablations" if variant in ABLATION_ROWS else 2
    return PaperNumber(table=table, row=f"{variant} | {metric}", column=backbone)


def full_image_error(
    backbone: str, trained: Literal["single", "multi"], view: Literal["crop", "full"]
) -> PaperNumber:
    """Error on the centre crop or on the full image: Table 3."""
    return PaperNumber(table=3, row=f"{backbone} | {trained} | 1{view}", column="top1")


def method_error(method: str, scales: int, metric: Metric) -> PaperNumber:
    """Validation error of a method that Table 4 has at several numbers of scales."""
    return PaperNumber(table=4, row=scales_row(method, scales), column=f"{metric}_val")


def scales_row(method: str, scales: int | str) -> str:
    """Row of Table 4 for a method that has several, which differ in their scales."""
    return f"{method}, {scales} scale{'' if str(scales) == '1' else 's'}"


def views_error(views: Views, metric: Metric) -> PaperNumber:
    """Error of Overfeat-7 by views, in the text (paper §3.1.5)."""
    return PaperNumber(table="views", row=f"{views} | {metric}", column="Overfeat-7")
