"""Keys of the paper's numbers: each names the number that the paper prints there."""

from pathlib import Path

import pytest

import sppnet.report
from sppnet.report.paper_numbers import (
    full_image_error,
    method_error,
    variant_error,
    views_error,
)
from sppnet.report.reference import read_reference

REFERENCE = Path(sppnet.report.__file__).with_name("reference.csv")


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (variant_error("no_SPP", "ZF-5", "top1"), 35.99),
        (variant_error("SPP_multi", "Overfeat-7", "top5"), 10.95),
        (full_image_error("Overfeat-7", "multi", "full"), 31.25),
        (full_image_error("ZF-5", "single", "crop"), 38.01),
    ],
)
def test_a_key_names_the_number_that_the_paper_prints(number, value):
    assert read_reference(REFERENCE, number.table)[number].value == value


@pytest.mark.parametrize(
    "number",
    [
        variant_error("SPP_30bins", "ZF-5", "top1"),
        variant_error("SPP_random", "Overfeat-7", "top1"),
        views_error("10", "top5"),
        views_error("96", "top5"),
        views_error("96+2full", "top1"),
    ],
)
def test_numbers_of_the_text_have_groups_of_their_own(number):
    assert number in read_reference(REFERENCE, number.table)


def test_rows_of_table_4_tell_their_scales():
    assert method_error("SPP_O-7", 1, "top5").row == "SPP_O-7, 1 scale"
    assert method_error("SPP_O-7", 6, "top1").row == "SPP_O-7, 6 scales"
