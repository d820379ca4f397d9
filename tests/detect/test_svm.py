import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from sppnet.detect import svm as svm_module
from sppnet.detect.regions import ImageRegions
from sppnet.detect.settings import Scaling, SvmSolver
from sppnet.detect.svm import (
    LinearSvms,
    feature_scales,
    load_svms,
    save_svms,
    solve_svm,
)
from sppnet.errors import SppnetError

SOLVER = SvmSolver(cost=0.05, bias=10.0, positive_weight=2.0, tolerance=1e-9, seed=0)


def solver(**changes):
    return SOLVER.model_copy(update=changes)


def scaling(*, images, boxes, seed=0):
    return Scaling(target_norm=20.0, stats_images=images, stats_boxes=boxes, seed=seed)


def samples(seed=0, count=60, length=5):
    random = np.random.default_rng(seed)
    positive = np.arange(count) < count // 3
    return random.normal(0.4 * positive[:, None], 1.0, (count, length)), positive


def dual_optimum(features, positive, cost, bias, positive_weight):
    """w and b of the box-constrained dual, whose kernel is x.x' + B^2 since b is regularised."""
    signs = np.where(positive, 1.0, -1.0)
    signed = np.column_stack([features, np.full(len(features), bias)]) * signs[:, None]
    kernel = signed @ signed.T
    limits = [(0, cost * (positive_weight if each else 1)) for each in positive]
    found = minimize(
        lambda alpha: (alpha @ kernel @ alpha / 2 - alpha.sum(), kernel @ alpha - 1),
        np.zeros(len(features)),
        jac=True,
        bounds=limits,
        method="L-BFGS-B",
        options={"maxiter": 20000, "ftol": 1e-15, "gtol": 1e-10},
    )
    weight = found.x @ signed
    return weight[:-1], weight[-1] * bias


@pytest.mark.parametrize("bias", [1.0, 10.0])
@pytest.mark.parametrize("positive_weight", [1.0, 2.0])
def test_solution_is_the_optimum_of_the_dual(bias, positive_weight):
    features, positive = samples()
    settings = solver(bias=bias, positive_weight=positive_weight)
    weight, found_bias = solve_svm(features, positive, settings)
    wanted, wanted_bias = dual_optimum(features, positive, 0.05, bias, positive_weight)
    np.testing.assert_allclose(weight, wanted, atol=2e-4)
    assert found_bias == pytest.approx(wanted_bias, abs=2e-4)


def objective(features, positive, weight, bias):
    """The formula of the release, term by term."""
    scores = features @ weight + bias
    positives = sum(max(0.0, 1 - score) for score in scores[positive])
    negatives = sum(max(0.0, 1 + score) for score in scores[~positive])
    return 0.5 * weight @ weight + 0.5 * (bias / 10) ** 2 + 0.05 * (2 * positives + negatives)


def test_no_step_away_lowers_the_objective():
    features, positive = samples(seed=3)
    weight, bias = solve_svm(features, positive, SOLVER)
    best = objective(features, positive, weight, bias)
    random = np.random.default_rng(1)
    for size in (1e-3, 1e-1):
        for step in random.normal(0, size, (50, 6)):
            assert objective(features, positive, weight + step[:5], bias + step[5]) > best - 1e-9


def test_the_solver_takes_samples_in_an_order_of_the_seed():
    features, positive = samples()
    solutions = [
        solve_svm(features, positive, solver(tolerance=0.1, seed=seed))[0] for seed in (0, 0, 1)
    ]
    assert np.array_equal(solutions[0], solutions[1])
    assert not np.array_equal(solutions[0], solutions[2])


def test_weight_two_is_every_positive_twice():
    features, positive = samples(seed=5)
    twice = np.concatenate([features, features[positive]])
    labels = np.concatenate([positive, positive[positive]])
    once = solver(positive_weight=1.0)
    weight, bias = solve_svm(features, positive, SOLVER)
    other, other_bias = solve_svm(twice, labels, once)
    np.testing.assert_allclose(weight, other, atol=1e-5)
    assert bias == pytest.approx(other_bias, abs=1e-4)


@pytest.mark.parametrize(("value", "kind"), [(True, "negative"), (False, "positive")])
def test_one_kind_only_is_an_error(value, kind):
    with pytest.raises(SppnetError, match=f"no {kind}"):
        solve_svm(np.ones((3, 2)), np.full(3, value), SOLVER)


def test_missing_the_tolerance_is_an_error(monkeypatch):
    monkeypatch.setattr(svm_module, "MAXIMUM_ITERATIONS", 1)
    with pytest.raises(SppnetError, match="tolerance"):
        solve_svm(*samples(), SOLVER)


def images(counts):
    return [
        ImageRegions(
            image=str(number),
            width=10,
            height=10,
            path="",
            sha256="",
            boxes=torch.zeros(count, 4),
            ground_truth=0,
            class_index=torch.full((count,), -1),
            overlaps=torch.zeros(count, 1),
            difficult=torch.zeros(count, dtype=torch.bool),
        )
        for number, count in enumerate(counts)
    ]


class Recorded:
    """Features of norm (image + 1) * (row + 1) and twice that; remembers what was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, regions, rows):
        self.asked.append((int(regions.image), rows.tolist()))
        values = (int(regions.image) + 1) * (rows + 1).float()
        return {"a": torch.stack([values * 0.6, values * -0.8], dim=1), "b": values[:, None] * 2}


def test_scale_brings_the_mean_norm_to_the_target():
    layers = Recorded()
    scales = feature_scales(images([2, 3]), layers, scaling(images=9, boxes=9))
    mean = (1 + 2 + 2 + 4 + 6) / 5
    assert scales == pytest.approx({"a": 20 / mean, "b": 10 / mean})
    assert sorted(layers.asked) == [(0, [0, 1]), (1, [0, 1, 2])]


def test_scale_draws_images_and_boxes_by_the_seed():
    asked = []
    for seed in (0, 0, 1):
        layers = Recorded()
        feature_scales(images([50] * 30), layers, scaling(images=4, boxes=6, seed=seed))
        asked.append(layers.asked)
        assert len({image for image, _ in layers.asked}) == 4
        assert all(len(set(rows)) == 6 for _, rows in layers.asked)
    assert asked[0] == asked[1] != asked[2]


def test_features_that_are_all_zero_cannot_be_scaled():
    with pytest.raises(SppnetError, match="fc6"):
        feature_scales(
            images([2]),
            lambda _, rows: {"fc6": torch.zeros(len(rows), 3)},
            scaling(images=1, boxes=1),
        )


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_features_that_are_no_numbers_cannot_be_scaled(value):
    def layers(regions, rows):
        return {"ftfc6": torch.full((len(rows), 3), value if regions.image == "1" else 1.0)}

    with pytest.raises(SppnetError, match=r"ftfc6: its features have mean norm (inf|nan)"):
        feature_scales(images([2, 2, 2]), layers, scaling(images=3, boxes=2))


def test_scores_are_scaled_products():
    svms = LinearSvms(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([0.5, 0.25]), 3.0)
    scores = svms.scores(torch.tensor([[4.0, 5.0]]))
    assert scores.tolist() == [[3 * (4 + 10) + 0.5, 3 * -5 + 0.25]]


def test_saved_svms_come_back(tmp_path):
    first = LinearSvms(torch.rand(2, 3), torch.rand(2), 0.1)
    second = LinearSvms(torch.rand(2, 4), torch.rand(2), 7.0)
    save_svms(tmp_path / "svm.safetensors", {"ftfc7": first, "fc6": second}, ["x", "y"])
    found, classes = load_svms(tmp_path / "svm.safetensors", "cpu")
    assert list(found) == ["ftfc7", "fc6"] and classes == ("x", "y")
    assert torch.equal(found["ftfc7"].weight, first.weight) and found["ftfc7"].scale == 0.1
    assert torch.equal(found["fc6"].bias, second.bias)


def test_another_file_is_refused(tmp_path):
    svm_module.save_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(SppnetError, match=r"x\.safetensors"):
        load_svms(tmp_path / "x.safetensors", "cpu")
