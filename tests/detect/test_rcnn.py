import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sppnet.data.store import ArrayStore, file_sha256
from sppnet.detect.rcnn import (
    RegionStoreFeatures,
    cache_region_features,
    convolve_boxes,
    fill_colour,
    warp_regions,
)
from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import Warp
from sppnet.errors import SppnetError
from sppnet.models.network import Architecture, build_network
from sppnet.models.preprocessing import normalise

FILL = (10, 200, 30)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def network(order="RGB", mean=(120.0, 110.0, 100.0)):
    architecture = Architecture(
        backbone="zf5",
        width=0.125,
        levels=(6,),
        fc=16,
        classes=("a", "b"),
        mean=mean,
        std=2.0,
        channel_order=order,
    )
    generator = torch.Generator().manual_seed(0)
    return build_network(architecture, initialisation="he", generator=generator).eval()


def regions_of(path, boxes, size=(80, 60)):
    boxes = torch.tensor(boxes, dtype=torch.float32)
    rows = len(boxes)
    return ImageRegions(
        image="a",
        width=size[0],
        height=size[1],
        path=str(path),
        sha256=file_sha256(path),
        boxes=boxes,
        ground_truth=0,
        class_index=torch.full((rows,), -1),
        overlaps=torch.zeros(rows, 2),
        difficult=torch.zeros(rows, dtype=torch.bool),
    )


def test_box_without_context_and_without_scaling_is_the_pixels_themselves():
    image = picture(40, 50)
    crop = warp_regions(image, np.array([[7, 5, 27, 25]]), warp=Warp(crop=20, context=0), fill=FILL)
    np.testing.assert_array_equal(crop[0], image[5:25, 7:27])


def test_context_surrounds_the_box_at_the_warped_size():
    image = picture(60, 60)
    crop = warp_regions(
        image, np.array([[20, 22, 40, 42]]), warp=Warp(crop=26, context=3), fill=FILL
    )
    # 20 px box + 3 px on every side = 26: one image pixel per crop pixel
    np.testing.assert_array_equal(crop[0], image[19:45, 17:43])


def test_context_is_measured_after_warping():
    image = np.zeros((400, 400, 3), np.uint8)
    image[100:300, 150:250] = 255
    crop = warp_regions(
        image, np.array([[150, 100, 250, 300]]), warp=Warp(crop=227, context=16), fill=FILL
    )
    inside = crop[0, 113, :, 0] > 127
    assert np.flatnonzero(inside).tolist() == pytest.approx(range(16, 211), abs=1)
    inside = crop[0, :, 113, 0] > 127
    assert np.flatnonzero(inside).tolist() == pytest.approx(range(16, 211), abs=1)


def test_enlarged_edges_go_to_the_nearest_pixel():
    image = picture(64, 64)
    crop = warp_regions(
        image, np.array([[20, 20, 44, 44]]), warp=Warp(crop=26, context=3), fill=FILL
    )
    # half side 12 * 26 / 20 = 15.6 around 32: from 16.4 to 47.6
    np.testing.assert_array_equal(crop[0], cv2.resize(image[16:48, 16:48], (26, 26)))


def positions(first, last, size, context):
    """Image coordinate that each crop pixel should show, by linear interpolation of box edges."""
    per_pixel = (last - first) / (size - 2 * context)
    return first + (np.arange(size) + 0.5 - context) * per_pixel, per_pixel


@settings(max_examples=60)
@given(
    x=st.integers(0, 100), y=st.integers(0, 70), width=st.integers(8, 90), height=st.integers(8, 90)
)
def test_crop_pixels_show_the_positions_that_they_should(x, y, width, height):
    # red is twice the column, green twice the row: a crop tells where its pixels come from
    image = np.zeros((80, 110, 3), np.uint8)
    image[..., 0] = 2 * np.arange(110)
    image[..., 1] = 2 * np.arange(80)[:, None]
    image[..., 2] = 1
    x2, y2 = min(x + width, 110), min(y + height, 80)
    crop = warp_regions(
        image, np.array([[x, y, x2, y2]]), warp=Warp(crop=40, context=6), fill=FILL
    )[0]
    for axis, first, last, length in ((1, x, x2, 110), (0, y, y2, 80)):
        at, per_pixel = positions(first, last, 40, 6)
        # edges are rounded to whole pixels of the image (half) and of the crop (one)
        slack = 0.5 + per_pixel
        shown = crop[(20, slice(None)) if axis == 1 else (slice(None), 20)].astype(float)
        certain = (at > slack) & (at < length - slack)
        wanted = (at - 0.5)[certain]
        np.testing.assert_allclose(shown[certain, 1 - axis] / 2, wanted, atol=slack + 0.5)
        outside = (at < -slack) | (at > length + slack)
        assert (shown[outside] == FILL).all()


def test_outside_of_the_image_is_filled_exactly_where_it_belongs():
    image = np.full((30, 30, 3), 255, np.uint8)
    crop = warp_regions(
        image, np.array([[0, 10, 20, 30]]), warp=Warp(crop=24, context=2), fill=FILL
    )[0]
    filled = (crop == FILL).all(axis=2)
    expected = np.zeros((24, 24), bool)
    expected[:, :2] = expected[-2:] = True
    np.testing.assert_array_equal(filled, expected)


def test_smallest_boxes_at_the_corners_do_not_fail():
    image = picture(20, 20)
    boxes = np.array([[0, 0, 1, 1], [19, 19, 20, 20], [0, 19, 1, 20], [0, 0, 20, 20]])
    crops = warp_regions(image, boxes, warp=Warp(crop=16, context=2), fill=FILL)
    assert crops.shape == (4, 16, 16, 3)
    assert warp_regions(image, boxes[:0], warp=Warp(crop=16, context=2), fill=FILL).shape == (
        0,
        16,
        16,
        3,
    )


def test_fill_colour_is_rgb_and_rounded():
    assert fill_colour(network("RGB", (1.6, 2.4, 300.0)).architecture) == (2, 2, 255)
    assert fill_colour(network("BGR", (104.0, 117.0, 123.0)).architecture) == (123, 117, 104)


def test_features_do_not_depend_on_the_batch():
    boxes = np.array([[0, 0, 40, 40], [10, 5, 60, 55], [30, 20, 70, 60.0]])
    image, net = picture(60, 80), network()
    warp = Warp(crop=112, context=8)
    one = convolve_boxes(net, image, boxes, warp=warp, batch=1)
    many = convolve_boxes(net, image, boxes, warp=warp, batch=2)
    torch.testing.assert_close(one, many, rtol=1e-3, atol=1e-3)
    fill = fill_colour(net.architecture)
    crops = warp_regions(image, boxes, warp=warp, fill=fill)
    with torch.no_grad():
        maps = net.backbone(normalise(torch.from_numpy(crops), net.architecture))
        expected = torch.nn.functional.adaptive_max_pool2d(maps, 6).flatten(1)
    torch.testing.assert_close(one, expected, rtol=1e-3, atol=1e-3)


def cached(tmp_path, regions):
    (tmp_path / "restart").mkdir()
    path = tmp_path / "features.npy"
    warp = Warp(crop=112, context=8)
    weights, restart = tmp_path / "net.safetensors", tmp_path / "restart"
    cache_region_features(
        regions, network(), warp=warp, batch=2, weights=weights, path=path, restart=restart
    )
    return ArrayStore(path)


def test_cached_features_come_back_by_row(tmp_path):
    image = picture(60, 80)
    cv2.imwrite(str(tmp_path / "a.png"), image[:, :, ::-1])
    each = regions_of(tmp_path / "a.png", [[0, 0, 40, 40], [10, 5, 60, 55], [30, 20, 70, 60]])
    source = RegionStoreFeatures(cached(tmp_path, [each]))
    warp = Warp(crop=112, context=8)
    expected = convolve_boxes(network(), image, each.boxes.numpy(), warp=warp, batch=3)
    found = source.pool5(each, torch.tensor([2, 0]))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected[[2, 0]], rtol=1e-3, atol=1e-3)


def test_features_of_other_boxes_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(60, 80))
    boxes = [[0, 0, 40, 40], [10, 5, 60, 55]]
    store = cached(tmp_path, [regions_of(tmp_path / "a.png", boxes)])
    other = regions_of(tmp_path / "a.png", boxes[:1])
    with pytest.raises(SppnetError, match="2 boxes of image a, but 1 are needed"):
        RegionStoreFeatures(store).pool5(other, torch.tensor([0]))
