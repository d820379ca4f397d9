"""Linear SVMs on few but very long feature vectors, trained on their inner products.

For n images with D features each, n much smaller than D, a linear SVM needs only the n x n matrix
of inner products. The same matrix serves all classes and all splits.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn import config_context
from sklearn.svm import SVC

from sppnet.classify.voc_classification import IGNORED, POSITIVE
from sppnet.errors import SppnetError

BYTES_AT_ONCE = 1 << 28  # maximum memory of a block of features


def normalised_kernel(
    vectors: Sequence[np.ndarray], device: torch.device | str = "cpu"
) -> np.ndarray:
    """Inner products of L2-normalised features, K[i, j] = x_i . x_j / (|x_i| |x_j|).

    The norms are the square roots of the diagonal of the inner products, so the features are read
    only once. Zero vectors stay zero.

    Args:
        vectors: n arrays `(D,)`, which may be memory-mapped.
        device: device of the matrix products.

    Returns:
        float64 `(n, n)`.

    Raises:
        SppnetError: a value is not finite.

    Source: paper §3.2 (features are L2-normalised).
    """
    count, length = len(vectors), len(vectors[0])
    products = torch.zeros(count, count, dtype=torch.float64, device=device)
    step = max(1, BYTES_AT_ONCE // (4 * count))
    for start in range(0, length, step):
        part = np.stack([vector[start : start + step] for vector in vectors])
        block = torch.from_numpy(part).to(device).float()
        products += block @ block.T
    kernel = products.cpu().numpy()
    norms = np.sqrt(kernel.diagonal())
    if not np.isfinite(norms).all():
        index = int(np.flatnonzero(~np.isfinite(norms))[0])
        raise SppnetError(f"features of image {index}: not finite; cache the features again")
    norms[norms == 0] = 1
    # In place: for ten thousand images the matrix takes 800 MB.
    kernel /= norms[:, None]
    kernel /= norms
    return kernel


def _scores(
    kernel: np.ndarray,
    products: np.ndarray,
    signs: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    cost: float,
) -> np.ndarray:
    """Scores of one class; `products` are the inner products of the training images."""
    if signs.all() or not signs.any():
        return np.full(len(test), np.nan)
    # With few images, scikit-learn's checks take longer than LIBSVM; the kernel is finite.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        machine = SVC(C=cost, kernel="precomputed").fit(products, signs)
    support = train[machine.support_]
    return np.asarray(kernel[np.ix_(test, support)] @ machine.dual_coef_[0] + machine.intercept_[0])


def class_scores(
    kernel: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, *, cost: float
) -> np.ndarray:
    """Scores w . x + b of one-against-rest linear SVMs, where w and b minimise

    1/2 |w|^2 + C * sum over training images of max(0, 1 - y (w . x + b)), y = 1 or -1.

    This is the objective of LIBSVM, which the paper cites: hinge loss, and b is not regularised.
    LIBLINEAR regularises b and needs the features themselves. Images that are ignored for a class
    are not used to train it.

    Args:
        kernel: `(n, n)` inner products of the features.
        labels: int `(n, K)`: 1 positive, 0 ignored, -1 negative.
        train: training rows.
        test: test rows.
        cost: C.

    Returns:
        float64 `(len(test), K)`; NaN for a class without a positive or a negative training image.

    Source: paper §3.2 (C = 1 in its first version).
    """
    products = kernel[np.ix_(train, train)]
    columns = []
    for class_labels in labels[train].T:
        used = np.flatnonzero(class_labels != IGNORED)
        class_products = products if len(used) == len(train) else products[np.ix_(used, used)]
        columns.append(
            _scores(kernel, class_products, class_labels[used] == POSITIVE, train[used], test, cost)
        )
    return np.stack(columns, axis=1)
