import numpy as np
import pytest
from scipy.optimize import minimize

from sppnet.classify import linear_svm
from sppnet.classify.linear_svm import class_scores, normalised_kernel
from sppnet.errors import SppnetError


@pytest.mark.parametrize("at_once", [1 << 28, 12 * 4 * 5])
def test_the_kernel_holds_the_cosines(at_once, monkeypatch):
    monkeypatch.setattr(linear_svm, "BYTES_AT_ONCE", at_once)
    features = np.random.default_rng(0).normal(size=(12, 33)).astype(np.float16)
    features[4] = 0
    plain = features.astype(np.float64)
    norms = np.linalg.norm(plain, axis=1, keepdims=True)
    unit = plain / np.where(norms == 0, 1, norms)
    assert normalised_kernel(list(features)) == pytest.approx(unit @ unit.T, abs=1e-6)


def test_a_value_that_is_no_number_is_refused():
    features = [np.ones(3, np.float16), np.array([1, np.nan, 0], np.float16)]
    with pytest.raises(SppnetError, match="image 1: not finite"):
        normalised_kernel(features)


def primal(features, signs, cost):
    """Weights and bias that minimise the objective, with a slack variable for each image."""
    count, length = features.shape
    start = np.concatenate([np.zeros(length + 1), np.ones(count)])
    margins = {
        "type": "ineq",
        "fun": lambda v: signs * (features @ v[:length] + v[length]) - 1 + v[length + 1 :],
    }
    bounds = [(None, None)] * (length + 1) + [(0, None)] * count
    found = minimize(
        lambda v: v[:length] @ v[:length] / 2 + cost * v[length + 1 :].sum(),
        start,
        constraints=[margins],
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return found.x[:length], found.x[length]


@pytest.mark.parametrize("cost", [1.0, 0.1])
def test_scores_are_those_of_the_primal_problem(cost):
    generator = np.random.default_rng(3)
    features = generator.normal(size=(30, 4))
    positive = features[:, 0] + 0.5 * generator.normal(size=30) > 0.4
    features += 2  # so that the bias matters
    train, test = np.arange(4, 30), np.arange(4)
    weight, bias = primal(features[train], np.where(positive[train], 1, -1), cost)
    labels = np.where(positive, 1, -1)[:, None]
    found = class_scores(features @ features.T, labels, train, test, cost=cost)[:, 0]
    assert found == pytest.approx(features[test] @ weight + bias, abs=5e-3)


def test_ignored_images_are_not_trained_on_and_one_sign_gives_no_scores():
    generator = np.random.default_rng(1)
    features = generator.normal(size=(12, 3))
    labels = np.where(generator.random((12, 3)) > 0.5, 1, -1)
    labels[[2, 5], 0] = 0
    labels[:9, 2] = 1
    train, test = np.arange(9), np.arange(9, 12)
    kernel = features @ features.T
    scores = class_scores(kernel, labels, train, test, cost=1)
    left = np.array([0, 1, 3, 4, 6, 7, 8])
    alone = class_scores(kernel, labels[:, :1], left, test, cost=1)
    assert np.array_equal(scores[:, 0], alone[:, 0])
    assert not np.isnan(scores[:, :2]).any() and np.isnan(scores[:, 2]).all()
