import numpy as np
import pytest

from sppnet.statistics.paired import mcnemar


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 2 / 32),
        (1, 5, 2 * (1 + 6) / 64),
        (5, 1, 2 * (1 + 6) / 64),
        (2, 2, 1.0),
        (1, 9, 2 * (1 + 10) / 1024),
    ],
)
def test_mcnemar_by_counting(only_first, only_second, p):
    first = np.array([True] * only_first + [False] * only_second + [True] * 3 + [False] * 4)
    second = np.array([False] * only_first + [True] * only_second + [True] * 3 + [False] * 4)
    assert mcnemar(first, second) == pytest.approx(p)
