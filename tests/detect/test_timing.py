from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sppnet.data.store import ArrayStore, ArrayWriter
from sppnet.detect import timing
from sppnet.detect.features import MapFeatures, convolve
from sppnet.detect.rcnn import convolve_boxes
from sppnet.detect.regions import image_regions
from sppnet.detect.settings import Warp
from sppnet.detect.svm import LinearSvms
from sppnet.detect.timing import (
    CropPooling,
    ImagePooling,
    TimedDetector,
    fastest_batch,
    measure,
    summarise,
)
from sppnet.geometry.receptive_field import map_geometry
from sppnet.models.network import Architecture, build_network

CPU = torch.device("cpu")


def network(levels=(3, 1)):
    architecture = Architecture(
        backbone="zf5",
        width=0.125,
        levels=levels,
        fc=8,
        classes=("a", "b"),
        mean=(128.0,) * 3,
        std=1.0,
        channel_order="RGB",
    )
    generator = torch.Generator().manual_seed(0)
    return build_network(architecture, initialisation="he", generator=generator).eval()


def sample():
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    boxes = torch.tensor([[0, 0, 120, 90], [10, 10, 40, 50], [60, 20, 110, 80], [5, 5, 25, 30.0]])
    return image, boxes


def test_maps_are_pooled_as_in_detection(tmp_path):
    net, (image, boxes) = network(), sample()
    geometry = map_geometry(net.backbone, shrink=6.5)
    stores = {}
    for size in (128, 224):
        (tmp_path / str(size)).mkdir()
        with ArrayWriter(tmp_path / f"{size}.npy", "float32", tmp_path / str(size)) as writer:
            writer.append("0", convolve(net, image, size).permute(1, 2, 0).numpy())
        stores[size] = ArrayStore(tmp_path / f"{size}.npy")
    record = SimpleNamespace(
        image="0", width=120, height=90, path="", sha256="", boxes=[], class_names=(), difficult=[]
    )
    regions = image_regions(record, boxes.numpy(), ("a", "b"))
    detection = MapFeatures(stores, geometry, (3, 1), 100)
    wanted = detection.pool5(regions, torch.arange(4))
    features, index = ImagePooling(net, geometry, (128, 224), 100)(image, boxes)
    torch.testing.assert_close(features[index], wanted)
    assert len(detection.window_keys(regions, torch.arange(4))[:, 0].unique()) == 2


def test_the_map_of_every_scale_is_timed_needed_or_not(monkeypatch):
    """As the paper's conv time, which is that of five scales whatever the boxes are."""
    net, (image, boxes), made = network(), sample(), []

    def remember(network, image, size):
        made.append(size)
        return convolve(network, image, size)

    monkeypatch.setattr(timing, "convolve", remember)
    pooling = ImagePooling(net, map_geometry(net.backbone, shrink=6.5), (128, 160, 224), 100)
    features, index = pooling(image, boxes[:1])  # the largest, which the first scale suits best
    assert made == [128, 160, 224]
    assert len(features) == 1 and index.tolist() == [0]


def test_boxes_on_the_same_cells_are_pooled_once():
    net, (image, boxes) = network(), sample()
    pooling = ImagePooling(net, map_geometry(net.backbone, shrink=6.5), (224,), 100)
    features, index = pooling(image, torch.cat([boxes, boxes.flip(0), boxes + 0.01]))
    assert len(features) == 4
    assert index[:4].tolist() == index[4:8].flip(0).tolist() == index[8:].tolist()


def test_crops_are_pooled_as_in_detection():
    net, (image, boxes) = network(), sample()
    warp = Warp(crop=67, context=4)
    features, index = CropPooling(net, warp, batch=3)(image, boxes)
    found = features[index]
    wanted = convolve_boxes(net, image, boxes.numpy(), warp=warp, batch=4)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_scores_are_those_of_fc7(monkeypatch):
    monkeypatch.setattr(timing, "ROWS_PER_PRODUCT", 2)
    net = network()
    pooled = torch.rand(5, net.fc6.in_features)
    svms = LinearSvms(torch.rand(2, 8), torch.rand(2), 0.5)
    index = torch.tensor([4, 0, 0, 3, 2, 1])
    found = TimedDetector(None, net, svms).score((pooled, index))
    torch.testing.assert_close(found, svms.scores(net.hidden(pooled[index])["fc7"]))


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when it is told to."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("sppnet.models.clock.time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


class Slow:
    """A detector that takes given times; notes who ran."""

    def __init__(self, name, log, clock=None, *, conv=0.0, fc=0.0):
        self.name, self.log, self.conv, self.fc = name, log, conv, fc
        self.clock = clock or SimpleNamespace(now=0.0)

    def pooling(self, image, boxes):
        self.log.append((self.name, image))
        self.clock.now += self.conv * (image + 1)
        return image

    def score(self, pooled):
        self.clock.now += self.fc


def test_detectors_take_turns_after_a_warm_up():
    log = []
    measure({name: Slow(name, log) for name in "ab"}, [(0, None), (1, None)], repeats=2, device=CPU)
    once = [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert log == [("a", 0), ("b", 0), *once, *once]


def test_parts_are_timed_apart(clock):
    detectors = {"a": Slow("a", [], clock, conv=4.0, fc=1.0), "b": Slow("b", [], clock, fc=0.5)}
    times = measure(detectors, [(0, None), (1, None)], repeats=3, device=CPU)
    assert {part: each.tolist() for part, each in times["a"].items()} == {
        "conv": [4.0, 8.0],
        "fc": [1.0, 1.0],
        "total": [5.0, 9.0],
    }
    assert times["b"]["total"].tolist() == [0.5, 0.5]


def test_an_image_counts_with_its_median_over_the_passes():
    taken = np.array([[[1.0, 5.0]], [[3.0, 5.0]], [[30.0, 6.0]]])
    parts = timing._parts(taken)
    assert parts["conv"].tolist() == [3.0] and parts["fc"].tolist() == [5.0]
    assert parts["total"].tolist() == [8.0]


def test_summary_gives_the_median_and_every_image():
    found = summarise({"conv": np.array([4.0, 1.0, 2.0, 3.0, 100.0])})
    assert found == {"conv": {"median": 3.0, "each": [4.0, 1.0, 2.0, 3.0, 100.0]}}


def test_the_fastest_batch_is_chosen(monkeypatch, clock):
    def convolve_boxes(network, image, boxes, *, warp, batch):
        assert len(boxes) == 8
        clock.now += {1: 3.0, 2: 2.0, 4: 2.5}[batch]

    monkeypatch.setattr(timing, "convolve_boxes", convolve_boxes)
    pooling = CropPooling(None, Warp(crop=67, context=4), batch=1)
    assert fastest_batch(pooling, (None, torch.zeros(20, 4)), [1, 2, 4], CPU).batch == 2
