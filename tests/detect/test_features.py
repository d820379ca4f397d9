import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import adaptive_max_pool2d

from sppnet.data.manifest import ImageRecord
from sppnet.data.store import ArrayStore, ArrayWriter, file_sha256
from sppnet.detect import features as features_module
from sppnet.detect.features import LayerFeatures, MapFeatures, cache_maps, convolve, open_maps
from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import MapPooling
from sppnet.errors import SppnetError
from sppnet.geometry.receptive_field import MapGeometry
from sppnet.models.network import Architecture, build_network

NETWORK = Path("net.safetensors")
GEOMETRY = MapGeometry(stride=16.0, offset=20.0, shrink=6.5)
LEVELS = (6, 3, 2, 1)
BOXES = [
    [10, 5, 210, 205],
    [0, 0, 60, 60],
    [100, 50, 400, 290],
    [12, 5, 211, 205],
    [5, 5, 30, 25],
    [300, 200, 375, 275],
]


def network(seed=0, levels=LEVELS):
    architecture = Architecture(
        backbone="zf5",
        width=0.125,
        levels=levels,
        fc=16,
        classes=("a", "b"),
        mean=(120.0, 110.0, 100.0),
        std=2.0,
        channel_order="BGR",
    )
    generator = torch.Generator().manual_seed(seed)
    return build_network(architecture, initialisation="he", generator=generator).eval()


def records(folder, sizes):
    found = []
    for number, (width, height) in enumerate(sizes):
        path = folder / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        found.append(
            ImageRecord(
                dataset="detection",
                split="test",
                image=str(number),
                path=str(path),
                width=width,
                height=height,
                sha256=file_sha256(path),
                label=None,
                class_names=(),
                boxes=np.zeros((0, 4), np.float32),
                difficult=np.zeros(0, bool),
            )
        )
    return found


def regions_of(boxes=BOXES, width=400, height=300):
    rows = len(boxes)
    return ImageRegions(
        image="a",
        width=width,
        height=height,
        path="a.jpg",
        sha256="",
        boxes=torch.tensor(boxes, dtype=torch.float32),
        ground_truth=0,
        class_index=torch.full((rows,), -1),
        overlaps=torch.zeros(rows, 2),
        difficult=torch.zeros(rows, dtype=torch.bool),
    )


def store(folder, size, *, channels=3, height=300, width=400):
    """Random maps of about the shape that ZF-5 gives at this size."""
    folder.mkdir(exist_ok=True)
    shape = (size * height // min(height, width) // 16, size * width // min(height, width) // 16)
    restart = folder / f"restart{size}"
    restart.mkdir()
    values = np.random.default_rng(size).random((*shape, channels)).astype(np.float16)
    with ArrayWriter(folder / f"{size}.npy", "float16", restart) as writer:
        writer.append("a", values)
    return ArrayStore(folder / f"{size}.npy")


def window_of(low, high, factor, cells):
    """The release's rule along one axis, with 1-based inclusive pixels and cells."""
    first, last = low * factor + 1, (high - 1) * factor + 1
    lo = math.floor((first - 21 + 6.5) / 16 + 0.5) + 1
    hi = math.ceil((last - 21 - 6.5) / 16 - 0.5) + 1
    if lo > hi:
        lo = hi = int((lo + hi) / 2)
    return min(max(lo, 1), cells) - 1, min(max(hi, 1), cells)


def pooled_by_hand(box, size, maps):
    factor = (size - 1) / (300 - 1)
    x1, x2 = window_of(box[0], box[2], factor, maps.shape[1])
    y1, y2 = window_of(box[1], box[3], factor, maps.shape[0])
    part = torch.from_numpy(np.array(maps[y1:y2, x1:x2])).permute(2, 0, 1).float()
    return torch.cat([adaptive_max_pool2d(part, level).flatten() for level in LEVELS])


@pytest.fixture
def maps(tmp_path):
    stores = {size: store(tmp_path, size) for size in (480, 688, 1200)}
    return MapFeatures(stores, GEOMETRY, LEVELS, 224.0)


def test_each_box_is_pooled_on_its_best_scale(maps):
    found = maps.pool5(regions_of(), torch.arange(6))
    for box, row in zip(BOXES, found, strict=True):
        side = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
        size = min((480, 688, 1200), key=lambda s: abs((side * s / 300) ** 2 - 224**2))
        np.testing.assert_array_equal(row, pooled_by_hand(box, size, maps.stores[size]["a"]))
    assert len(set(maps.window_keys(regions_of(), torch.arange(6))[:, 0].tolist())) > 1


def test_rows_come_in_the_order_asked_for(maps):
    everything = maps.pool5(regions_of(), torch.arange(6))
    rows = torch.tensor([4, 1, 1, 0])
    np.testing.assert_array_equal(maps.pool5(regions_of(), rows), everything[rows])
    assert maps.pool5(regions_of(), rows[:0]).shape == (0, 150)


def test_scales_can_be_given(maps):
    found = maps.pool5(regions_of(), torch.arange(6), torch.tensor([0, 1, 2, 0, 1, 2]))
    for box, row, size in zip(BOXES, found, (480, 688, 1200, 480, 688, 1200), strict=True):
        np.testing.assert_array_equal(row, pooled_by_hand(box, size, maps.stores[size]["a"]))


def test_equal_window_keys_mean_equal_features(maps):
    boxes = torch.tensor(BOXES)[:1] + torch.arange(12)[:, None].float()
    some = regions_of(boxes.tolist())
    keys = [tuple(key) for key in maps.window_keys(some, torch.arange(12)).tolist()]
    found = maps.pool5(some, torch.arange(12))
    assert 1 < len(set(keys)) < 12
    for first in range(12):
        for second in range(first):
            equal = torch.equal(found[first], found[second])
            assert equal == (keys[first] == keys[second])


def test_boxes_on_the_same_cells_share_the_features_of_every_layer(maps, monkeypatch):
    some = regions_of((torch.tensor(BOXES)[:1] + torch.arange(12)[:, None].float()).tolist())
    backwards = torch.arange(12).flip(0)
    every, _ = maps.distinct(some, backwards)
    slices = SimpleNamespace(hidden=lambda pooled: {"fc6": pooled[:, :9], "fc7": pooled[:, 9:]})
    layers = LayerFeatures(slices, slices, maps, maps)
    alone = [layers.layers(some, row[None], ("pool5", "ftfc7")) for row in backwards]
    pool5, pooled = maps.pool5, []
    monkeypatch.setattr(
        maps, "pool5", lambda each, rows: (pooled.append(rows), pool5(each, rows))[1]
    )
    found = layers.layers(some, backwards, ("pool5", "ftfc7"))
    assert [len(rows) for rows in pooled] == [len(every)] and 1 < len(every) < 12
    for name, features in found.items():
        assert torch.equal(features, torch.cat([each[name] for each in alone]))


def test_maps_of_different_networks_are_refused(tmp_path):
    stores = {480: store(tmp_path, 480), 688: store(tmp_path, 688, channels=4)}
    with pytest.raises(SppnetError, match="480: 3, 688: 4"):
        MapFeatures(stores, GEOMETRY, LEVELS, 224.0)


def pooling(*scales):
    return MapPooling(scales=scales, target=224, shrink=6.5)


def test_open_maps_checks_lists_and_channels(tmp_path):
    store(tmp_path, 480)
    path = tmp_path / "480.npy"
    with pytest.raises(SppnetError, match=r"1 files and scales \[480, 688\]"):
        open_maps([path], pooling(480, 688), network())
    with pytest.raises(SppnetError, match=r"480\.npy: gives 150 values per box"):
        open_maps([path], pooling(480), network())


def test_maps_are_convolved_at_the_size_asked_for(tmp_path):
    net = network()
    (each,) = records(tmp_path, [(90, 60)])
    (tmp_path / "restart").mkdir()
    path = tmp_path / "maps.npy"
    cache_maps([each], net, size=120, weights=NETWORK, path=path, restart=tmp_path / "restart")
    stored = ArrayStore(path)["0"]
    pixels = torch.nn.functional.interpolate(
        torch.from_numpy(np.array(Image.open(each.path))).permute(2, 0, 1)[None].float(),
        size=(120, 180),
        mode="bilinear",
        antialias=False,
    )
    mean = torch.tensor([100.0, 110.0, 120.0])[:, None, None]
    with torch.no_grad():
        expected = net.backbone(((pixels - mean) / 2)[:, [2, 1, 0]])[0]
    assert stored.dtype == np.float16
    assert stored.shape == (*expected.shape[1:], expected.shape[0])
    np.testing.assert_allclose(stored.transpose(2, 0, 1), expected, atol=0.02 * expected.max())


def test_values_beyond_half_precision_are_stored_as_its_limit(tmp_path):
    net = network()
    with torch.no_grad():
        last = [layer for layer in net.backbone if isinstance(layer, torch.nn.Conv2d)][-1]
        last.weight.mul_(1e9)
    (tmp_path / "restart").mkdir()
    path = tmp_path / "maps.npy"
    some = records(tmp_path, [(90, 60)])
    cache_maps(some, net, size=120, weights=NETWORK, path=path, restart=tmp_path / "restart")
    stored = ArrayStore(path)["0"]
    assert np.isfinite(stored).all()
    assert stored.max() == 65504


def test_killed_and_resumed_gives_the_same_bytes(tmp_path, monkeypatch):
    some, net = records(tmp_path, [(90, 60), (60, 80), (70, 70)]), network()
    for name in ("whole", "killed"):
        (tmp_path / f"restart-{name}").mkdir()

    def cache(name):
        cache_maps(
            some,
            net,
            size=100,
            weights=NETWORK,
            path=tmp_path / f"{name}.npy",
            restart=tmp_path / f"restart-{name}",
        )

    cache("whole")
    calls = []

    def dies(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return convolve(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(features_module, "convolve", dies)
        cache("killed")
    assert not (tmp_path / "killed.npy").exists()
    with monkeypatch.context() as patch:
        patch.setattr(features_module, "convolve", dies)
        cache("killed")
    assert len(calls) == 4  # only the image that was missing
    for suffix in (".npy", ".parquet"):
        whole = (tmp_path / f"whole{suffix}").read_bytes()
        assert (tmp_path / f"killed{suffix}").read_bytes() == whole


class Source:
    def __init__(self, values):
        self.values, self.calls = values, 0

    def pool5(self, regions, rows):
        self.calls += 1
        return self.values[rows]

    def distinct(self, regions, rows):
        return rows, torch.arange(len(rows))


@pytest.fixture
def sources():
    generator = torch.Generator().manual_seed(0)
    values = [torch.rand(600, 1600, generator=generator) for _ in range(2)]
    return SimpleNamespace(before=Source(values[0]), after=Source(values[1]))


def test_layers_come_from_the_right_network_and_source(sources):
    before, after = network(1), network(2)
    layers = LayerFeatures(before, after, sources.before, sources.after)
    rows = torch.arange(600).flip(0)
    found = layers.layers(regions_of(), rows, ("ftfc7", "pool5", "fc6", "ftfc6"))
    assert list(found) == ["ftfc7", "pool5", "fc6", "ftfc6"]
    first, second = sources.before.values[rows], sources.after.values[rows]
    fc6 = torch.relu(second @ after.fc6.weight.T + after.fc6.bias)
    expected = {
        "pool5": first,
        "fc6": torch.relu(first @ before.fc6.weight.T + before.fc6.bias),
        "ftfc6": fc6,
        "ftfc7": torch.relu(fc6 @ after.fc7.weight.T + after.fc7.bias),
    }
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values)
    torch.testing.assert_close(layers.regression_features(regions_of(), rows), second)


def test_a_shared_source_is_pooled_once(sources):
    layers = LayerFeatures(network(1), network(2), sources.before, sources.before)
    layers.layers(regions_of(), torch.arange(3), ("pool5", "fc6", "ftfc6", "ftfc7"))
    assert sources.before.calls == 1
    layers.layers(regions_of(), torch.arange(3), ("ftfc7",))
    assert sources.before.calls == 2


def test_unknown_layer_is_named(sources):
    layers = LayerFeatures(network(1), network(2), sources.before, sources.before)
    with pytest.raises(SppnetError, match="'fc8'"):
        layers.layers(regions_of(), torch.arange(3), ("fc8",))


def test_cached_maps_feed_the_pooling_of_their_network(tmp_path):
    net = network()
    (each,) = records(tmp_path, [(90, 60)])
    (tmp_path / "restart").mkdir()
    path = tmp_path / "maps.npy"
    cache_maps([each], net, size=120, weights=NETWORK, path=path, restart=tmp_path / "restart")
    maps = open_maps([path], pooling(120), net)
    whole = regions_of([[0, 0, 90, 60]], 90, 60)
    pooled = maps.pool5(ImageRegions(**{**vars(whole), "image": "0"}), torch.tensor([0]))
    stored = torch.from_numpy(np.array(ArrayStore(path)["0"])).permute(2, 0, 1).float()
    expected = torch.cat([adaptive_max_pool2d(stored, level).flatten() for level in LEVELS])
    torch.testing.assert_close(pooled[0], expected)
