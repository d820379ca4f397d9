"""Ridge regression in closed form, and the whitening of its targets.

With samples X (n, D) and targets Y (n, T) the weights that minimise |X W - Y|^2 + lambda |W|^2 are
W = (X'X + lambda I)^-1 X'Y, a D x D system; they equal W = X' (X X' + lambda I)^-1 Y, an n x n
system. The smaller system is solved: for 25,600 features and a few thousand samples, the second is
hundreds of times cheaper and equally exact.
"""

import torch
from torch import Tensor


def whiten(targets: Tensor, amount: float) -> tuple[Tensor, Tensor, Tensor]:
    """Transform four correlated targets to uncorrelated targets of equal variance.

    With S = Y'Y / n of the centred targets and S = V diag(d) V', the transform is
    T = V diag(1 / sqrt(d + amount)) V' and its inverse V diag(sqrt(d + amount)) V'.

    Args:
        targets: float64 `Tensor[n, 4]`.
        amount: added to the variances, so that the transform stays bounded for constant targets.

    Returns:
        Whitened targets `Tensor[n, 4]`, inverse `Tensor[4, 4]`, mean `Tensor[4]`:
        targets = whitened @ inverse + mean.

    Source: release spp_train_bbox_regressor.m; RCNN release bbox_regression.
    """
    mean = targets.mean(dim=0)
    centred = targets - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(targets))
    roots = (values + amount).sqrt()
    transform, inverse = (vectors * power @ vectors.T for power in (1 / roots, roots))
    return centred @ transform, inverse, mean


def solve_ridge(features: Tensor, targets: Tensor, regularisation: float) -> Tensor:
    """Ridge regression with a constant feature 1, whose weight is also regularised.

    Products are computed in the dtype of the features; the system is solved in float64.

    Args:
        features: `Tensor[n, D]`.
        targets: `Tensor[n, T]`.
        regularisation: lambda, above 0.

    Returns:
        float64 `Tensor[T, D + 1]`; the last column is the weight of the constant.
    """
    targets = targets.double()
    if features.shape[0] <= features.shape[1]:
        duals = _solve((features @ features.T).double() + 1, targets, regularisation)
        weight = (duals.to(features.dtype).T @ features).double()
        return torch.cat([weight, duals.sum(dim=0)[:, None]], dim=1)
    sums = features.sum(dim=0)[:, None].double()
    count = sums.new_full((1, 1), len(features))
    products = (features.T @ features).double()
    matrix = torch.cat([torch.cat([products, sums], 1), torch.cat([sums.T, count], 1)])
    moments = (features.T @ targets.to(features.dtype)).double()
    right_side = torch.cat([moments, targets.sum(dim=0)[None]])
    return _solve(matrix, right_side, regularisation).T


def _solve(matrix: Tensor, right_side: Tensor, regularisation: float) -> Tensor:
    """(matrix + regularisation I)^-1 right_side in float64, for a positive semidefinite matrix."""
    matrix.diagonal().add_(regularisation)
    return torch.cholesky_solve(right_side, torch.linalg.cholesky(matrix))
