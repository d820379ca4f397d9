"""Colours of the training images, by hand."""

import numpy as np
import pytest

from sppnet.classify.training_crops import colour_components

# Columns are orthonormal axes of colour; none is parallel to a channel, and no two sets are equal
# when transposed.
AXES = np.array([[2.0, -2.0, 1.0], [1.0, 2.0, 2.0], [2.0, 1.0, -2.0]]) / 3
SPREAD = (45, 15, 3)  # pixel values along each axis, multiples of 3 so that colours are whole


def coloured(colours):
    """An image whose every fourth pixel, which is what is looked at, has these colours in turn."""
    image = np.random.default_rng(0).integers(0, 256, (4, 4 * len(colours), 3), dtype=np.uint8)
    image[0, ::4] = colours
    return image


def test_components_are_axes_times_standard_deviations():
    """Known axes: colours lie at +- SPREAD on each axis around grey."""
    steps = AXES * SPREAD
    colours = 128 + np.concatenate([steps.T, -steps.T])
    assert (colours == colours.round()).all()
    found = colour_components([coloured(colours)]).numpy()
    deviations = np.array(SPREAD) * np.sqrt(2 / 5)  # 2 of 6 colours lie off 0; n - 1 is 5
    lengths = np.linalg.norm(found, axis=0)
    np.testing.assert_allclose(np.sort(lengths), np.sort(deviations), rtol=1e-5)
    for axis, deviation in zip(AXES.T, deviations, strict=True):
        column = found[:, np.abs(lengths - deviation).argmin()]
        assert abs(column @ axis) == pytest.approx(deviation, rel=1e-5)


def test_components_multiply_to_the_covariance():
    """Of all images together, against a singular value decomposition."""
    random = np.random.default_rng(1)
    mixture = random.normal(0, 20, (3, 3))
    colours = [
        (128 + random.normal(size=(count, 3)) @ mixture).clip(0, 255).astype(np.uint8)
        for count in (30, 50)
    ]
    found = colour_components([coloured(each) for each in colours]).double().numpy()
    pixels = np.concatenate(colours).astype(np.float64)
    _, values, axes = np.linalg.svd(pixels - pixels.mean(0), full_matrices=False)
    deviations = values / np.sqrt(len(pixels) - 1)
    np.testing.assert_allclose(found @ found.T, axes.T @ np.diag(deviations**2) @ axes, rtol=1e-4)
    np.testing.assert_allclose(found.T @ found, np.diag(np.sort(deviations**2)), atol=1e-2)
