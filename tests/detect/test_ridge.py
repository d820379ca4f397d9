import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from sppnet.detect.ridge import solve_ridge, whiten


def data(rows, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(rows, length, generator=generator, dtype=torch.float64) + 0.5
    return features, torch.randn(rows, 4, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("rows", "length"), [(30, 7), (7, 30), (8, 8), (9, 8), (1, 5)])
def test_both_forms_are_the_ridge_solution(rows, length):
    features, targets = data(rows, length)
    found = solve_ridge(features, targets, 3.0)
    constant = np.column_stack([features, np.ones(rows)])
    wanted = Ridge(alpha=3.0, fit_intercept=False, solver="svd").fit(constant, targets).coef_
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, np.atleast_2d(wanted), atol=1e-10)


def test_both_forms_agree_on_either_side_of_the_switch():
    # rows that are all zero leave the normal equations alone but for the constant feature; so
    # appending features of zeros changes the form and not the weights
    features, targets = data(20, 6)
    primal = solve_ridge(features, targets, 2.0)
    dual = solve_ridge(torch.cat([features, features.new_zeros(20, 40)], dim=1), targets, 2.0)
    torch.testing.assert_close(dual[:, [*range(6), -1]], primal)
    assert not dual[:, 6:-1].any()


def test_single_precision_is_near_double():
    features, targets = data(200, 2000)
    double = solve_ridge(features, targets, 4000.0)
    single = solve_ridge(features.float(), targets, 4000.0)
    assert (double - single).abs().max() < 1e-5 * double.abs().max()


def test_whitened_targets_have_unit_covariance_but_for_the_amount():
    _, targets = data(500, 1)
    targets = (
        targets
        @ torch.tensor([[2.0, 1, 0, 0], [0, 1, 3, 0], [0, 0, 1, 0], [0, 0, 0, 0.1]]).double()
    )
    whitened, inverse, mean = whiten(targets, 0.001)
    torch.testing.assert_close(whitened @ inverse + mean, targets)
    torch.testing.assert_close(mean, targets.mean(dim=0))
    values = np.linalg.eigvalsh(np.cov(targets.numpy().T, bias=True))
    shrunk = np.linalg.eigvalsh((whitened.T @ whitened / 500).numpy())
    np.testing.assert_allclose(np.sort(shrunk), np.sort(values / (values + 0.001)), atol=1e-9)
    torch.testing.assert_close(inverse, inverse.T)


def test_one_sample_is_its_own_mean():
    whitened, _, mean = whiten(torch.ones(1, 4, dtype=torch.float64), 0.001)
    assert not whitened.any() and mean.tolist() == [1, 1, 1, 1]
