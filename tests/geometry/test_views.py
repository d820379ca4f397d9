import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sppnet.errors import SppnetError
from sppnet.geometry.views import five_positions, map_views, mirrored_windows, view_windows


def test_positions_by_hand() -> None:
    assert view_windows(10, 13, 6, 9).tolist() == [
        [3, 2, 9, 8],
        [0, 0, 6, 6],
        [7, 0, 13, 6],
        [0, 4, 6, 10],
        [7, 4, 13, 10],
        [3, 0, 9, 6],
        [0, 2, 6, 8],
        [7, 2, 13, 8],
        [3, 4, 9, 10],
    ]
    assert view_windows(10, 13, 6, 1).tolist() == [[3, 2, 9, 8]]


@pytest.mark.parametrize(
    ("height", "width", "count"), [(224, 300, 3), (300, 224, 3), (224, 224, 1), (225, 300, 6)]
)
def test_views_that_fall_together_count_once(height: int, width: int, count: int) -> None:
    # 225 high: the centre falls on the upper row, (225 - 224) // 2 = 0
    assert len(view_windows(height, width, 224, 9)) == count


def test_six_scales_give_the_papers_96_views() -> None:
    scales = (224, 256, 300, 360, 448, 560)
    views = [2 * len(view_windows(scale, scale * 4 // 3, 224, 9)) for scale in scales]
    assert views == [6, 18, 18, 18, 18, 18] and sum(views) == 96


def test_five_of_them_are_the_training_positions() -> None:
    assert torch.equal(view_windows(40, 60, 32, 5), five_positions(40, 60, 32))


@given(st.integers(8, 60), st.integers(8, 60), st.integers(1, 8), st.sampled_from([1, 5, 9]))
def test_windows_are_distinct_and_inside(
    height: int, width: int, size: int, positions: int
) -> None:
    windows = view_windows(height, width, size, positions)
    assert len(windows) == len(windows.unique(dim=0)) <= positions
    assert (windows[:, 2:] - windows[:, :2] == size).all() and (windows >= 0).all()
    assert (windows[:, 2] <= width).all() and (windows[:, 3] <= height).all()


@pytest.mark.parametrize(("size", "positions"), [(11, 5), (0, 5), (4, 4)])
def test_impossible_views_are_refused(size: int, positions: int) -> None:
    with pytest.raises(SppnetError):
        view_windows(10, 13, size, positions)


def test_mirror_cuts_the_mirrored_pixels() -> None:
    image = torch.arange(7 * 9).view(7, 9)
    for window in view_windows(7, 9, 4, 9):
        x1, y1, x2, y2 = window.tolist()
        a, b, c, d = mirrored_windows(window[None], 9)[0].tolist()
        assert torch.equal(image.flip(1)[b:d, a:c], image[y1:y2, x1:x2].flip(1))


def test_cells_by_hand() -> None:
    # stride 16: starts at 0, 23 and 24 px are nearest to cells 0, 1 and 2 (halves go up)
    windows = torch.tensor([[0, 0, 64, 64], [23, 24, 87, 88], [100, 500, 164, 564]])
    assert map_views(windows, 16, (20, 10), 4).tolist() == [
        [0, 0, 4, 4],
        [1, 2, 5, 6],
        [6, 16, 10, 20],
    ]


def test_a_map_smaller_than_a_view_is_refused() -> None:
    with pytest.raises(SppnetError, match="lower the window"):
        map_views(torch.tensor([[0, 0, 64, 64]]), 16, (3, 9), 4)
