from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sppnet.detect import mining as mining_module
from sppnet.detect import sample_cache
from sppnet.detect.mining import negative_candidates, train_svms
from sppnet.detect.regions import ImageRegions
from sppnet.detect.sample_cache import SampleCache
from sppnet.detect.settings import Svm
from sppnet.detect.svm import save_svms
from sppnet.errors import SppnetError

SVM = Svm(
    negative_iou=0.3,
    duplicates="none",
    duplicate_iou=0.7,
    hard_threshold=-1.0001,
    evict_threshold=-1.2,
    retrain_after=2000,
    cost=1.0,
    bias=10.0,
    positive_weight=2.0,
    tolerance=1e-6,
    target_norm=1.0,
    stats_images=100,
    stats_boxes=100,
    seed=0,
)


def changed(**changes):
    return SVM.model_copy(update=changes)


def regions_of(boxes, classes, overlaps, image="0"):
    """Objects (with their classes) are the first rows."""
    rows = len(boxes)
    return ImageRegions(
        image=image,
        width=100,
        height=100,
        path="",
        sha256="",
        boxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        ground_truth=len(classes),
        class_index=torch.tensor([*classes, *[-1] * (rows - len(classes))]),
        overlaps=torch.tensor(overlaps, dtype=torch.float32),
        difficult=torch.zeros(rows, dtype=torch.bool),
    )


def strip(start, length):
    """A box one pixel high: overlaps of strips can be counted on fingers."""
    return [start, 0, start + length, 1]


# --- which boxes may be negatives ---------------------------------------------------------------


def test_overlap_of_exactly_the_limit_is_no_negative():
    exactly = 3 / torch.tensor(10.0)
    regions = regions_of([strip(0, 1)] * 3, [], [[0.29999], [float(exactly)], [0.30001]])
    assert negative_candidates(regions, SVM)[:, 0].tolist() == [True, False, False]


def test_objects_of_other_classes_are_negatives():
    regions = regions_of([strip(0, 9), strip(50, 9)], [0, 1], [[1, 0], [0, 1]])
    assert negative_candidates(regions, SVM).tolist() == [[False, True], [True, False]]


def test_duplicates_overlap_an_earlier_kept_box_by_more_than_the_limit():
    # IoU of strips of 20 shifted by s is (20 - s) / (20 + s)
    boxes = [strip(0, 20), strip(4, 20), strip(3, 20), strip(7, 20), strip(60, 20)]
    regions = regions_of(boxes, [], [[0.0]] * 5)
    exact = changed(duplicates="overlap", duplicate_iou=0.5)
    # 16/24 goes; 17/23 goes; 13/27 stays, since the boxes nearer to it are gone themselves
    assert negative_candidates(regions, exact)[:, 0].tolist() == [True, False, False, True, True]
    boxes[3] = [0, 0, 10, 1]  # exactly half of the first
    at_limit = negative_candidates(regions_of(boxes, [], [[0.0]] * 5), exact)
    assert at_limit[3, 0]


def test_duplicates_are_of_the_same_class():
    # the first box is no negative of class 1, so the second is no duplicate there
    regions = regions_of([strip(0, 20), strip(1, 20)], [], [[0, 0.5, 0], [0, 0, 0]])
    found = negative_candidates(regions, changed(duplicates="overlap"))
    assert found.tolist() == [[True, False, True], [False, True, False]]


def test_duplicates_by_cells_keep_the_first_of_each_window():
    keys = torch.tensor([[0, 5], [1, 5], [0, 5], [0, 4], [1, 5]])
    regions = regions_of([strip(0, 9)] * 5, [], [[0, 0.9]] + [[0, 0]] * 4)
    found = negative_candidates(regions, changed(duplicates="cells"), lambda _, rows: keys[rows])
    assert found[:, 0].tolist() == [True, True, False, True, False]
    assert found[:, 1].tolist() == [False, True, True, True, False]


def test_duplicates_by_cells_need_cells():
    with pytest.raises(SppnetError, match="cells"):
        negative_candidates(regions_of([strip(0, 9)], [], [[0]]), changed(duplicates="cells"))


# --- which of them are kept ---------------------------------------------------------------------


@pytest.fixture
def identity(monkeypatch):
    """SVMs whose score is the one feature; remembers what they were trained on."""
    calls = []

    def solve(features, positive, settings):
        calls.append((features[positive, 0].tolist(), features[~positive, 0].tolist()))
        return np.ones(1), 0.0

    monkeypatch.setattr(sample_cache, "solve_svm", solve)
    return calls


def column(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None]


def add(cache, image, *values, threshold=-1.0):
    cache.add_negatives(
        image,
        torch.arange(len(values)),
        column(*values),
        candidates=torch.ones(len(values), 1, dtype=torch.bool),
        threshold=threshold,
    )


def train(cache, *, retrain_after=2, evict_threshold=-1.25, last=False):
    cache.train(changed(retrain_after=retrain_after, evict_threshold=evict_threshold), last=last)


def trained_cache():
    cache = SampleCache(["x"], 1, "float32")
    cache.add_positives(0, torch.tensor([9]), column(5.0), torch.tensor([0]))
    add(cache, 0, -0.5)
    train(cache)
    return cache


def test_an_untrained_class_takes_easy_negatives_too(identity):
    cache = SampleCache(["x"], 1, "float32")
    cache.add_positives(0, torch.tensor([9]), column(5.0), torch.tensor([0]))
    add(cache, 0, -3.0, 0.5, threshold=1.0)
    train(cache)
    assert identity == [([5.0], [-3.0, 0.5])]
    assert cache.report()["x"]["hard_found"] == 0


def test_a_trained_class_takes_scores_above_the_threshold_only(identity):
    cache = trained_cache()
    add(cache, 1, -1.0, -0.875, -1.125)
    assert list(cache.samples[0].negatives) == [(0, 0), (1, 1)]
    assert cache.report()["x"]["hard_found"] == 1


def test_a_negative_is_cached_once(identity):
    cache = trained_cache()
    add(cache, 1, 0.0)
    add(cache, 1, 0.0)
    assert list(cache.samples[0].negatives) == [(0, 0), (1, 0)] and cache.samples[0].added == 1


def test_boxes_that_are_no_candidates_are_left(identity):
    cache = trained_cache()
    cache.add_negatives(
        1,
        torch.tensor([4, 7]),
        column(3.0, 3.0),
        candidates=torch.tensor([[False], [True]]),
        threshold=-1.0,
    )
    assert list(cache.samples[0].negatives) == [(0, 0), (1, 7)]


def test_retraining_waits_for_more_than_the_limit(identity):
    cache = trained_cache()
    add(cache, 1, 0.0, 0.0)
    train(cache)
    assert len(identity) == 1
    add(cache, 2, 0.0)
    train(cache)
    assert len(identity) == 2 and identity[1][1] == [-0.5, 0.0, 0.0, 0.0]
    add(cache, 3, 0.0, 0.0)
    train(cache)
    assert len(identity) == 2


def test_the_last_image_retrains_whoever_gained_negatives(identity):
    cache = trained_cache()
    train(cache, last=True)
    assert len(identity) == 1
    add(cache, 1, 0.0)
    train(cache, last=True)
    assert len(identity) == 2


def test_training_evicts_scores_below_the_threshold(identity):
    cache = SampleCache(["x"], 1, "float32")
    cache.add_positives(0, torch.tensor([9]), column(-7.0), torch.tensor([0]))
    add(cache, 0, -1.25, -1.5, 0.0)
    train(cache)
    assert list(cache.samples[0].negatives) == [(0, 0), (0, 2)]
    assert set(cache.rows) == {(0, 9), (0, 0), (0, 2)}  # positives stay however they score


def test_rows_that_another_class_uses_stay(identity):
    cache = SampleCache(["x", "y"], 1, "float32")
    cache.add_positives(0, torch.tensor([1, 0]), column(4.0, -3.0), torch.tensor([0, 1]))
    both = torch.tensor([[True, False], [False, True]])
    cache.add_negatives(0, torch.tensor([0, 1]), column(-3.0, 4.0), candidates=both, threshold=-1.0)
    train(cache)
    # row 0 is an easy negative of x and the positive of y
    assert not cache.samples[0].negatives and (0, 0) in cache.rows


def test_training_sees_scaled_features(identity):
    cache = SampleCache(["x"], 1, "float32")
    cache.scale = 3.0
    cache.add_positives(0, torch.tensor([9]), column(2.0), torch.tensor([0]))
    add(cache, 0, -1.0)
    train(cache)
    assert identity == [([6.0], [-3.0])]
    # and so do the scores: 3 * -0.375 is not above -1
    add(cache, 1, -0.375, -0.25)
    assert (1, 0) not in cache.samples[0].negatives


# --- the pass over the images -------------------------------------------------------------------


class World:
    """Images of random boxes of two classes; features tell the classes apart but for a decoy.

    The decoy in image `decoy_image` looks like class 0's objects but for a third feature, which
    nothing before it has.
    """

    def __init__(self, images=7, boxes=12, decoy_image=5):
        random = np.random.default_rng(2)
        self.calls, self.features, self.regions = [], [], []
        for image in range(images):
            overlaps = np.zeros((boxes, 2), np.float32)
            overlaps[0, 0] = overlaps[1, 1] = 1.0
            overlaps[2] = [0.6, 0.0]
            corners = random.integers(0, 50, (boxes, 2))
            found = np.concatenate([corners, corners + random.integers(5, 50, (boxes, 2))], axis=1)
            self.regions.append(regions_of(found.tolist(), [0, 1], overlaps, str(image)))
            values = random.normal(0, 0.3, (boxes, 4))
            values[0, 0] += 3
            values[1, 1] += 3
            if image == decoy_image:
                values[boxes - 1, [0, 2]] += 3
            self.features.append(torch.from_numpy(values).half().float())
        self.fail_after = None

    def layers(self, regions, rows):
        self.calls.append((int(regions.image), len(rows)))
        if self.fail_after is not None and len(self.calls) > self.fail_after:
            raise KeyboardInterrupt
        features = self.features[int(regions.image)][rows]
        return {"pool5": features, "fc6": features.flip(1) ** 2}

    def train(self, folder, **changes):
        folder.mkdir(exist_ok=True)
        svm = changed(**changes)
        return train_svms(self.regions, self.layers, ("x", "y"), svm=svm, restart=folder)


def test_a_planted_hard_negative_is_found(tmp_path):
    world = World()
    svms, report = world.train(tmp_path / "a")
    decoy = world.features[5][11:]
    without, _ = World(images=5).train(tmp_path / "b")
    assert without["pool5"].scores(decoy)[0, 0] > 0  # mistaken for an object until it is seen
    assert svms["pool5"].scores(decoy)[0, 0] < 0
    assert report["pool5"]["x"]["hard_found"] >= 1
    assert report["pool5"]["x"]["positives"] == 7
    assert report["pool5"]["x"]["trainings"] >= 2


def test_difficult_objects_are_positives(tmp_path):
    world = World()
    for regions in world.regions:
        regions.difficult[:2] = True
    _, report = world.train(tmp_path)
    assert report["fc6"]["y"]["positives"] == 7


def test_the_pass_equals_one_written_out(tmp_path, monkeypatch):
    """Every step of a class, image by image, against a plain loop."""
    world, trained = World(), []
    solve = sample_cache.solve_svm
    monkeypatch.setattr(
        sample_cache,
        "solve_svm",
        lambda features, positive, s: trained.append(features) or solve(features, positive, s),
    )
    svms, _ = world.train(tmp_path, retrain_after=1)
    scale = svms["pool5"].scale
    features = [each.double().numpy() * scale for each in world.features]
    positives = np.stack([each[0] for each in features])
    negatives = [features[0][row] for row in (1, *range(3, 12))]
    added, weight, bias = len(negatives), None, 0.0
    for image in range(7):
        if image:
            hard = [features[image][row] for row in (1, *range(3, 12))]
            hard = [each for each in hard if each @ weight + bias > -1.0001]
            negatives, added = negatives + hard, added + len(hard)
        if added and (image in (0, 6) or added > 1):
            samples = np.concatenate([positives, negatives])
            weight, bias = solve(samples, np.arange(len(samples)) < 7, SVM)
            negatives = [each for each in negatives if each @ weight + bias >= -1.2]
            added = 0
    np.testing.assert_allclose(svms["pool5"].weight[0], weight, rtol=1e-5, atol=1e-7)
    assert float(svms["pool5"].bias[0]) == pytest.approx(bias, rel=1e-5)
    assert len(trained) > 8


def test_each_image_is_pooled_once_for_all_layers(tmp_path):
    world = World()
    world.train(tmp_path)
    pooled = [image for image, count in world.calls if count]
    # norms, positives, negatives
    assert sorted(pooled) == sorted(list(range(7)) * 3)


@pytest.mark.parametrize("calls", [0, 4, 14, 17, 19, 21])
def test_killed_and_continued_gives_the_same_bytes(tmp_path, monkeypatch, calls):
    monkeypatch.setattr(mining_module, "IMAGES_PER_CHECKPOINT", 2)
    whole, report = World().train(tmp_path / "whole", retrain_after=1)
    save_svms(tmp_path / "whole.safetensors", whole, ("x", "y"))
    world = World()
    world.fail_after = calls
    with pytest.raises(KeyboardInterrupt):
        world.train(tmp_path / "killed", retrain_after=1)
    world = World()
    again, other_report = world.train(tmp_path / "killed", retrain_after=1)
    save_svms(tmp_path / "killed.safetensors", again, ("x", "y"))
    first, second = (
        (tmp_path / f"{name}.safetensors").read_bytes() for name in ("whole", "killed")
    )
    assert first == second
    if calls == 21:
        assert len(world.calls) == 2  # taken up at image 6 of 7
    for each in (report, other_report):
        for classes in each.values():
            for counts in classes.values():
                counts.pop("seconds")
    assert report == other_report


def test_pool5_is_held_in_half_precision_without_loss(tmp_path):
    cache = SampleCache(["x"], 1, "float16")
    value = torch.tensor([[1234.0]]) + 0.0
    cache.add_positives(0, torch.tensor([3]), value, torch.tensor([0]))
    (tmp_path / "c").mkdir()
    cache.save(tmp_path / "c", "pool5")
    other = SampleCache(["x"], 1, "float16")
    other.load(tmp_path / "c", "pool5")
    assert other.rows[0, 3].dtype == np.float16 and float(other.rows[0, 3][0]) == 1234.0
    assert other.samples[0].positives == [(0, 3)]


def test_a_class_without_objects_is_an_error(tmp_path):
    world = World()
    with pytest.raises(SppnetError, match="class z"):
        train_svms(world.regions, world.layers, ("x", "y", "z"), svm=SVM, restart=tmp_path)


def test_cells_without_maps_are_refused_before_any_feature_is_read(tmp_path):
    world = World()
    with pytest.raises(SppnetError, match="cells"):
        world.train(tmp_path, duplicates="cells")
    assert world.calls == []


def test_a_class_without_negatives_is_an_error(tmp_path):
    world = World()
    for regions in world.regions:
        regions.overlaps[:, 1] = 1.0
    with pytest.raises(SppnetError, match="negative of class y"):
        world.train(tmp_path)


def test_images_without_boxes_are_passed_over(tmp_path):
    world = World()
    empty = regions_of([], [], np.zeros((0, 2)), "0")
    world.regions.insert(0, empty)
    world.features.insert(0, torch.zeros(0, 4))
    for number, regions in enumerate(world.regions):
        world.regions[number] = SimpleNamespace(**{**vars(regions), "image": str(number)})
    _, report = world.train(tmp_path)
    assert report["pool5"]["x"]["trainings"] >= 1
