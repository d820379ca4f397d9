"""Bootstrap over images, and over images and networks."""

from collections.abc import Callable, Sequence

import numpy as np

SAMPLES_AT_ONCE = 100  # limits memory: so many counts per image


def bootstrap_means(
    sides: Sequence[np.ndarray], *, replicates: int, seed: int, same_networks: bool
) -> list[np.ndarray]:
    """Bootstrap means of outcomes, with networks and images both drawn with replacement.

    Every sample takes the same images on all sides, so the difference of two sides is paired. Of S
    networks, S - 1 are drawn, which makes the variance of their mean unbiased; drawing S would make
    it too small by the factor (S - 1) / S. A single network is always drawn.

    Args:
        sides: float (S, N) outcomes of S networks on N images; S may differ between sides.
        replicates: B, samples.
        seed: of the samples; the same seed draws the same images for any sides with N images.
        same_networks: row s is the same network on all sides; otherwise each side draws its own.

    Returns:
        float64 (B,) means of each side.

    Source: Owen 2007 (the pigeonhole bootstrap); McCarthy 1985 (S - 1).
    """
    image_generator, network_generator = np.random.default_rng(seed).spawn(2)
    images = sides[0].shape[1]
    means: list[list[np.ndarray]] = [[] for _ in sides]
    for start in range(0, replicates, SAMPLES_AT_ONCE):
        count = min(SAMPLES_AT_ONCE, replicates - start)
        drawn = _counts(image_generator, images, images, count)
        weights = np.empty((0, 0))
        for index, side in enumerate(sides):
            if index == 0 or not same_networks:
                weights = _counts(network_generator, len(side), max(1, len(side) - 1), count)
            errors = drawn @ side.T / images  # (count, S): mean over images for each network
            means[index].append((weights * errors).sum(axis=1) / weights.sum(axis=1))
    return [np.concatenate(parts) for parts in means]


def _counts(generator: np.random.Generator, items: int, draws: int, samples: int) -> np.ndarray:
    """How often each item is drawn in `draws` draws with replacement: float64 (samples, items)."""
    drawn = generator.integers(0, items, size=(samples, draws))
    positions = drawn + items * np.arange(samples)[:, None]
    counts = np.bincount(positions.ravel(), minlength=samples * items)
    return counts.reshape(samples, items).astype(np.float64)


def bootstrap_medians(
    sides: Sequence[np.ndarray], *, replicates: int, seed: int
) -> list[np.ndarray]:
    """Medians (B,) of each side's values (N,) over items, drawn alike for all sides."""
    generator = np.random.default_rng(seed)
    items = len(sides[0])
    drawn = [generator.integers(0, items, size=items) for _ in range(replicates)]
    return [np.array([np.median(side[rows]) for rows in drawn]) for side in sides]


def bootstrap_images(
    statistic: Callable[[np.ndarray], np.ndarray], images: int, *, replicates: int, seed: int
) -> np.ndarray:
    """Values (B,) of a statistic over images drawn with replacement.

    The same seed draws the same images for any statistic of N images, so differences can be taken
    sample by sample.

    Args:
        statistic: float (b,) values for weights float64 (b, N): how often each image was drawn.
        images: N.
        replicates: B.
        seed: of the samples.
    """
    generator = np.random.default_rng(seed)
    values: list[np.ndarray] = []
    for start in range(0, replicates, SAMPLES_AT_ONCE):
        count = min(SAMPLES_AT_ONCE, replicates - start)
        drawn = generator.multinomial(images, np.full(images, 1 / images), size=count)
        values.append(statistic(drawn.astype(np.float64)))
    return np.concatenate(values)
