"""Pooling of boxes on several scales, against one box at a time."""

import pytest
import torch
from torch.nn.functional import adaptive_max_pool2d

from sppnet.detect.pooling import ScalePooling
from sppnet.geometry.projection import choose_scale, pixel_scale, project_windows
from sppnet.geometry.receptive_field import MapGeometry

GEOMETRY = MapGeometry(stride=16, offset=20, shrink=6.5)
POOLING = ScalePooling((128, 224, 448), GEOMETRY, (3, 1), 100)
SHORT_SIDE = 90
BOXES = torch.tensor(
    [[60, 20, 110, 80], [0, 0, 120, 90], [10, 10, 40, 50], [5, 5, 25, 30.0], [61, 20, 111, 80]]
)
MAPS = [
    torch.rand(4, *size, generator=torch.Generator().manual_seed(0))
    for size in ((6, 9), (12, 16), (26, 35))
]
MAP_SIZES = [tuple(each.shape[1:]) for each in MAPS]


@pytest.mark.parametrize("scales", [None, [2, 2, 0, 1, 0]])
def test_windows_are_those_of_each_box_on_its_scale(scales):
    given = None if scales is None else torch.tensor(scales)
    found = POOLING.windows(BOXES, SHORT_SIDE, MAP_SIZES, given)
    wanted = scales or choose_scale(BOXES, SHORT_SIDE, POOLING.sizes, target=100).tolist()
    assert found[:, 0].tolist() == wanted and len(set(wanted)) == 3
    for box, row in zip(BOXES, found, strict=True):
        factor = pixel_scale(SHORT_SIDE, POOLING.sizes[row[0]])
        alone = project_windows(box[None], GEOMETRY, MAP_SIZES[row[0]], factor)
        assert row[1:].tolist() == alone[0].tolist()


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [3, 1, 0, 1], [1], []])
def test_windows_are_pooled_in_their_order_and_only_maps_in_use_are_asked_for(rows):
    windows, asked = POOLING.windows(BOXES, SHORT_SIDE, MAP_SIZES)[rows], []

    def map_at(scale):
        asked.append(scale)
        return MAPS[scale]

    found = POOLING.pool(map_at, windows)
    assert found.shape == (len(rows), 4 * 10)
    assert asked == sorted(set(windows[:, 0].tolist()) or {0})
    for (scale, x1, y1, x2, y2), features in zip(windows.tolist(), found, strict=True):
        part = MAPS[scale][:, y1:y2, x1:x2]
        alone = torch.cat([adaptive_max_pool2d(part, level).flatten() for level in (3, 1)])
        assert torch.equal(features, alone)
