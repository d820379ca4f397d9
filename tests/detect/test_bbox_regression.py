from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sppnet.detect import bbox_regression as module
from sppnet.detect.bbox_regression import (
    Regressors,
    find_pairs,
    fit_class,
    fit_regressors,
    load_regressors,
    predict_boxes,
    save_regressors,
)
from sppnet.detect.regions import image_regions
from sppnet.detect.settings import BoxRegression
from sppnet.errors import SppnetError

SETTINGS = BoxRegression(
    overlap=0.5,
    regularisation=1e-6,
    whitening=0.001,
    maximum_pairs=1000,
    target_norm=20,
    stats_images=1,
    stats_boxes=1,
    seed=0,
)


def changed(**changes):
    return SETTINGS.model_copy(update=changes)


def regions_of(objects, names, proposals, image="0"):
    record = SimpleNamespace(
        image=image,
        width=200,
        height=100,
        path="",
        sha256="",
        boxes=np.array(objects, np.float32).reshape(-1, 4),
        class_names=tuple(names),
        difficult=np.zeros(len(names), bool),
    )
    return image_regions(record, np.array(proposals, np.float32), ("a", "b"))


class Table:
    """Features by image and row; counts the rows given."""

    def __init__(self, features):
        self.features, self.rows = features, 0

    def pool5(self, regions, rows):
        self.rows += len(rows)
        return self.features[int(regions.image)][rows].clone()


# --- pairs --------------------------------------------------------------------------------------


def test_pairs_overlap_by_more_than_the_limit():
    # IoU with the object 0..20: 1/2 exactly, just above, far above
    proposals = [[0, 0, 10, 10], [0, 0, 10.01, 10], [1, 0, 20, 10], [150, 0, 170, 10]]
    regions = regions_of([[0, 0, 20, 10]], "a", proposals)
    assert find_pairs([regions], 0, SETTINGS) == [(0, 0, 0), (0, 2, 0), (0, 3, 0)]
    assert find_pairs([regions], 1, SETTINGS) == []


def test_a_box_trains_the_class_of_its_best_object_alone():
    # class a: x from 0 and from 8; class b: x from 4; all 20 wide, 10 high
    objects = [[0, 0, 20, 10], [8, 0, 28, 10], [4, 0, 24, 10]]
    # IoU of boxes of one size, shifted by s: (20 - s) / (20 + s), so 2/3 for s = 4, above the limit
    proposals = [[1, 0, 21, 10], [3, 0, 23, 10], [7, 0, 27, 10], [4, 0, 24, 10]]
    regions = regions_of(objects, "aab", proposals)
    # rows 3 to 6: nearest to objects 0, 2, 1 and 2; every object is its own best
    of_a, of_b = [(0, 0), (1, 1), (3, 0), (5, 1)], [(2, 2), (4, 2), (6, 2)]
    both = [regions, regions]
    assert find_pairs(both, 0, SETTINGS) == [(image, *pair) for image in (0, 1) for pair in of_a]
    assert find_pairs(both, 1, SETTINGS) == [(image, *pair) for image in (0, 1) for pair in of_b]


def test_the_first_of_two_equally_near_objects_is_the_partner():
    regions = regions_of([[4, 0, 24, 10], [0, 0, 20, 10]], "ba", [[2, 0, 22, 10]])
    assert find_pairs([regions], 1, SETTINGS) == [(0, 0, 0), (0, 2, 0)]
    assert find_pairs([regions], 0, SETTINGS) == [(0, 1, 1)]


def test_more_pairs_than_the_limit_are_drawn_by_the_seed():
    proposals = [[0, 0, 20 - shift / 10, 10] for shift in range(40)]
    regions = regions_of([[0, 0, 20, 10]], "a", proposals)
    everything = find_pairs([regions], 0, SETTINGS)
    assert len(everything) == 41
    drawn = [find_pairs([regions], 0, changed(maximum_pairs=5, seed=seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 5 and drawn[0] == sorted(drawn[0]) and set(drawn[0]) < set(everything)


# --- fitting ------------------------------------------------------------------------------------


def shifted(images=30, shift=(0.1, -0.05, 0.2, -0.1), noise=0.0):
    """Proposals off their object by deltas that depend linearly on their features."""
    random = np.random.default_rng(0)
    regions, features = [], []
    for image in range(images):
        x, y = random.uniform(20, 100), random.uniform(20, 50)
        true = np.array([x, y, x + 40, y + 30])
        values, boxes = random.normal(0, 1, (5, 3)), []
        for value in values:
            dx, dy, dw, dh = np.array(shift) * (1 + 0.3 * value[0])
            width, height = 40 / np.exp(dw), 30 / np.exp(dh)
            cx, cy = x + 20 - dx * width, y + 15 - dy * height
            boxes.append([cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2])
        regions.append(regions_of([true], "a", boxes, str(image)))
        # the object itself is a pair with zero deltas: its features say so
        values = np.concatenate([[[-1 / 0.3, 0, 0]], values])
        features.append(torch.from_numpy(values).float())
    return regions, Table(features)


def fit(regions, table, scale=1.0, regression=SETTINGS):
    pairs = find_pairs(regions, 0, regression)
    weight, bias = fit_class(regions, table, pairs, scale=scale, regression=regression)
    return Regressors(weight[None], bias[None], scale)


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_known_shift_is_recovered(scale):
    regions, table = shifted()
    regressors = fit(regions, table, scale)
    each = regions[3]
    moved = predict_boxes(
        regressors,
        table.features[3],
        torch.zeros(6, dtype=torch.int64),
        each.boxes,
        width=200,
        height=100,
    )
    torch.testing.assert_close(moved, each.boxes[:1].expand(6, 4), atol=0.01, rtol=0)
    # sign: the deltas take a box to the object, not away from it
    deltas = regressors.bias[0] + scale * table.features[3][1] @ regressors.weight[0].T
    assert deltas[0] > 0 > deltas[1]


def test_strong_regularisation_leaves_the_mean():
    regions, table = shifted()
    regressors = fit(regions, table, regression=changed(regularisation=1e9))
    # 5 of 6 pairs are shifted, the sixth is the object itself
    assert regressors.weight.abs().max() < 1e-4
    mean = [5 / 6 * value for value in (0.1, -0.05, 0.2, -0.1)]
    assert regressors.bias[0].tolist() == pytest.approx(mean, rel=0.15)


def test_fit_is_the_whitened_ridge_of_the_release():
    """W and bias against the formulas of the specification, in numpy."""
    regions, table = shifted(images=6)
    regressors = fit(regions, table, 2.0, changed(regularisation=4.0))
    samples, targets = [], []
    for each, features in zip(regions, table.features, strict=True):
        true = each.boxes[0].double().numpy()
        for box, values in zip(each.boxes.double().numpy(), features.double().numpy(), strict=True):
            width, height = box[2:] - box[:2]
            centre = box[:2] + 0.5 * np.array([width, height])
            true_size = true[2:] - true[:2]
            step = (true[:2] + 0.5 * true_size - centre) / [width, height]
            targets.append([*step, *np.log(true_size / [width, height])])
            samples.append([*(2.0 * values), 1.0])
    samples, targets = np.array(samples), np.array(targets)
    mean = targets.mean(0)
    centred = targets - mean
    values, vectors = np.linalg.eig(centred.T @ centred / len(centred))
    transform = vectors @ np.diag(1 / np.sqrt(values + 0.001)) @ vectors.T
    inverse = vectors @ np.diag(np.sqrt(values + 0.001)) @ vectors.T
    beta = np.linalg.inv(samples.T @ samples + 4.0 * np.eye(4)) @ samples.T @ (centred @ transform)
    wanted = samples @ beta @ inverse + mean
    found = samples[:, :3] @ regressors.weight[0].double().numpy().T + regressors.bias[0].numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_a_class_without_pairs_moves_nothing():
    regions, table = shifted(images=2)
    weight, bias = fit_class(regions, table, [], scale=1.0, regression=SETTINGS)
    assert weight.shape == (4, 3) and not weight.any() and not bias.any()


def test_killed_and_continued_gives_the_same_regressors(tmp_path, monkeypatch):
    regions, table = shifted(images=6)
    arguments = {"scale": 1.5, "regression": SETTINGS}
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole, pairs = fit_regressors(
        regions, table, ("a", "b"), **arguments, restart=tmp_path / "whole"
    )
    assert pairs == {"a": 36, "b": 0} and table.rows == 36
    original, calls = module.fit_class, []

    def killed(*given, **settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*given, **settings)

    monkeypatch.setattr(module, "fit_class", killed)
    with pytest.raises(KeyboardInterrupt):
        fit_regressors(regions, table, ("a", "b"), **arguments, restart=tmp_path / "killed")
    again, other = fit_regressors(
        regions, table, ("a", "b"), **arguments, restart=tmp_path / "killed"
    )
    assert len(calls) == 3 and other == pairs
    assert torch.equal(again.weight, whole.weight) and torch.equal(again.bias, whole.bias)


# --- predicting ---------------------------------------------------------------------------------


def test_zero_deltas_are_the_same_box_and_others_follow_their_class():
    weight = torch.zeros(2, 4, 2)
    weight[1, 0, 0], weight[1, 3, 1] = 0.1, 1.0  # dx / w and log h ratio
    regressors = Regressors(weight, torch.zeros(2, 4), scale=0.5)
    boxes = torch.tensor([[10.0, 20, 30, 60], [10.0, 20, 30, 60]])
    features = torch.tensor([[2.0, 2 * float(np.log(1.5))]] * 2)
    moved = predict_boxes(regressors, features, torch.tensor([0, 1]), boxes, width=200, height=100)
    # 20 px wide moves 0.1 widths; 40 px high grows to 60 about its centre
    torch.testing.assert_close(moved, torch.tensor([[10.0, 20, 30, 60], [12.0, 10, 32, 70]]))


def test_moved_boxes_are_clipped_to_the_image():
    bias = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    regressors = Regressors(torch.zeros(1, 4, 2), bias, 1.0)
    boxes = torch.tensor([[0.0, 0, 50, 40], [20.0, 30, 60, 45]])
    numbers = torch.zeros(2, dtype=torch.int64)
    moved = predict_boxes(regressors, torch.ones(2, 2), numbers, boxes, width=60, height=45)
    e = np.e
    wanted = [[0, 0, 60, 45], [0, 37.5 - 7.5 * e, 60, 45]]
    torch.testing.assert_close(moved, torch.tensor(wanted, dtype=torch.float32))


def test_saved_regressors_come_back(tmp_path):
    regressors = Regressors(torch.rand(2, 4, 3), torch.rand(2, 4), 0.1)
    save_regressors(tmp_path / "bbox.safetensors", regressors, {"y": 3, "x": 0})
    found, classes = load_regressors(tmp_path / "bbox.safetensors", "cpu")
    assert classes == ("y", "x") and found.scale == 0.1
    assert torch.equal(found.weight, regressors.weight) and torch.equal(found.bias, regressors.bias)


def test_another_file_is_refused(tmp_path):
    module.save_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(SppnetError, match=r"x\.safetensors"):
        load_regressors(tmp_path / "x.safetensors", "cpu")
