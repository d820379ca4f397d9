import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.classify.training_set import Part, hold_out
from sppnet.errors import SppnetError


@given(st.integers(2, 300), st.floats(0.01, 0.9))
def test_held_out_images_are_the_share_and_evenly_spaced(count, share):
    if not 0 < round(count * share) < count:
        with pytest.raises(SppnetError, match="--holdout"):
            hold_out(count, share)
        return
    kept, apart = hold_out(count, share)
    assert sorted([*kept, *apart]) == list(range(count)) and len(apart) == round(count * share)
    gaps = np.diff(apart)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def test_a_part_gives_images_and_smaller_parts():
    images = [np.full((1, 1, 3), number) for number in range(10)]
    part = Part(images, np.array([1, 3, 5, 7]))
    assert [int(image.max()) for image in part] == [1, 3, 5, 7]
    assert [int(image.max()) for image in part[::2]] == [1, 5] and len(part[1:]) == 3
