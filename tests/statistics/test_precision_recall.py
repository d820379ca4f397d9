import numpy as np
import pytest

from sppnet.errors import SppnetError
from sppnet.statistics.precision_recall import (
    RECALLS,
    average_precision,
    eleven_point_average,
    mean_of_measurable,
)

RECALL = np.array([[0.25, 0.5, 0.5, 1.0], [0.0, 0.1, 0.2, 0.2]])
PRECISION = np.array([[1.0, 1.0, 2 / 3, 0.75], [0.0, 0.5, 2 / 3, 0.5]])


def test_recall_levels_to_the_last_bit() -> None:
    # bits of 0.1:0.1:0.9 as MATLAB prints them (format hex)
    assert [value.hex() for value in RECALLS[[3, 6, 7]].tolist()] == [
        "0x1.3333333333334p-2",
        "0x1.3333333333333p-1",
        "0x1.6666666666666p-1",
    ]
    assert len(RECALLS) == 11


def test_curves_by_hand() -> None:
    # first: best precision 1 up to recall .5, then 3/4; second: 2/3 up to .2, then nothing
    eleven = [(6 * 1 + 5 * 0.75) / 11, 3 * 2 / 3 / 11]
    assert eleven_point_average(RECALL, PRECISION) == pytest.approx(eleven)
    assert average_precision(RECALL, PRECISION, "11-point") == pytest.approx(eleven)
    area = [0.5 * 1 + 0.5 * 0.75, 0.2 * 2 / 3]
    assert average_precision(RECALL, PRECISION, "area") == pytest.approx(area)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(SppnetError, match="101-point"):
        average_precision(RECALL, PRECISION, "101-point")  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", [0, 1])
def test_the_mean_leaves_out_what_cannot_be_measured(axis: int) -> None:
    values = np.array([[0.5, np.nan, 0.25], [np.nan, np.nan, np.nan]])
    found = mean_of_measurable(values if axis else values.T, axis=axis)
    assert found[0] == pytest.approx(0.375) and np.isnan(found[1])
