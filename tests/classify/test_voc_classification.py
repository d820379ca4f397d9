from functools import partial

import numpy as np
import pytest

from sppnet.classify.voc_classification import (
    average_precisions,
    held_out_part,
    image_labels,
    mean_average_precisions,
)
from sppnet.data.manifest import ImageRecord
from sppnet.statistics.bootstrap import bootstrap_images
from sppnet.statistics.intervals import basic_interval, percentile_interval


def devkit(scores, labels):
    """VOCevalcls.m, line by line; numpy's NaN in the first places of prec is skipped as there."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    recall, precision, tp, fp = [], [], 0, 0
    for i in order:
        tp, fp = tp + (labels[i] > 0), fp + (labels[i] < 0)
        recall.append(tp / sum(label > 0 for label in labels))
        precision.append(tp / (tp + fp) if tp + fp else float("nan"))
    ap = 0.0
    for t in [0, 0.1, 0.2, 3 * 0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]:
        reached = [p for r, p in zip(recall, precision, strict=True) if r >= t and p == p]
        ap += max(reached, default=0) / 11
    return ap


def record(*objects):
    names, hard = [name for name, _ in objects], [difficult for _, difficult in objects]
    return ImageRecord(
        "detection",
        "test",
        "1",
        "1.jpg",
        9,
        9,
        "",
        class_names=tuple(names),
        boxes=np.zeros((len(names), 4), np.float32),
        difficult=np.array(hard, bool),
    )


def test_difficult_objects_neither_make_an_image_positive_nor_negative():
    records = [
        record(("cat", False), ("cat", True)),
        record(("cat", True), ("cat", False)),
        record(("cat", True), ("dog", False)),
        record(),
    ]
    assert image_labels(records, ("cat", "dog")).tolist() == [[1, -1], [1, -1], [0, 1], [-1, -1]]


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_the_devkits(seed):
    generator = np.random.default_rng(seed)
    count = int(generator.integers(3, 40))
    scores = generator.integers(0, 12, count) / 4  # with ties
    labels = generator.choice([1, 0, -1], count)
    labels[-1] = 1
    once = np.ones((1, count))
    assert average_precisions(scores, labels, once)[0] == pytest.approx(devkit(scores, labels))


def test_average_precision_by_hand():
    # recall 1/2 at precision 1, recall 1 at precision 2/3: six levels at 1, five at 2/3
    scores, labels = np.array([4.0, 3, 2, 1]), np.array([1, -1, 1, -1])
    found = average_precisions(scores, labels, np.ones((1, 4)))[0]
    assert found == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)


def test_a_weight_is_a_number_of_copies():
    generator = np.random.default_rng(5)
    scores, labels = generator.normal(size=15), generator.choice([1, 0, -1], 15)
    weights = generator.integers(0, 4, (8, 15))
    found = average_precisions(scores, labels, weights.astype(float))
    for row, value in zip(weights, found, strict=True):
        copies = np.repeat(np.arange(15), row)
        assert value == pytest.approx(devkit(scores[copies], labels[copies]))


def test_classes_without_positives_or_scores_are_left_out_of_the_mean():
    scores = np.array([[2.0, 1, np.nan], [1, 2, np.nan]])
    labels = np.array([[1, -1, 1], [-1, -1, -1]])
    means, each = mean_average_precisions(scores, labels, np.ones((1, 2)))
    assert means == pytest.approx([1]) and each[0, 0] == pytest.approx(1)
    assert np.isnan(each[0, 1:]).all()
    means, _ = mean_average_precisions(scores[:, 1:], labels[:, 1:], np.ones((1, 2)))
    assert np.isnan(means).all()


def bootstrap_means(scores, labels, *, replicates, seed):
    return bootstrap_images(
        lambda weights: mean_average_precisions(scores, labels, weights)[0],
        len(scores),
        replicates=replicates,
        seed=seed,
    )


def test_bootstrap_spreads_as_the_images_do():
    generator = np.random.default_rng(0)
    labels = np.where(generator.random((300, 2)) > 0.6, 1, -1)
    scores = labels + generator.normal(size=(300, 2)) * 1.5
    samples = bootstrap_means(scores, labels, replicates=250, seed=1)
    assert samples.shape == (250,)
    assert np.array_equal(samples, bootstrap_means(scores, labels, replicates=250, seed=1))
    value = mean_average_precisions(scores, labels, np.ones((1, 300)))[0][0]
    low, high = np.percentile(samples, [2.5, 97.5])
    assert low < value < high and 0.02 < high - low < 0.2
    right = bootstrap_means(labels.astype(float), labels, replicates=10, seed=1)
    assert right == pytest.approx(np.ones(10))


def two_classifiers(generator, images):
    """Labels of 20 classes, 7 % of the images each, and scores that miss 70 or 50 % of them.

    Half of the noise is that of the images, the same for both.
    """
    shape = (images, 20)
    shown, luck = generator.random(shape) < 0.07, generator.random(shape)
    of_both, *of_each = np.sqrt(0.5) * generator.normal(size=(3, *shape))
    scores = [
        2 * (shown & (luck < found)) + of_both + noise
        for found, noise in zip((0.3, 0.5), of_each, strict=True)
    ]
    return np.where(shown, 1, -1), scores


def value_and_difference(scores, labels, average):
    """What `average` gives for the first classifier, and how much more for the second."""
    first, second = (average(each, labels) for each in scores)
    return first, second - first


def mean_average_precision(scores, labels):
    return mean_average_precisions(scores, labels, np.ones((1, len(scores))))[0][0]


def test_how_often_intervals_hold_what_many_images_would_show():
    """Values gain from basic intervals; differences, whose biases cancel, from percentiles."""
    generator, held = np.random.default_rng(0), np.zeros((100, 2, 2))
    labels, scores = two_classifiers(generator, 10_000)
    truths = value_and_difference(scores, labels, mean_average_precision)
    for trial in held:
        labels, scores = two_classifiers(generator, 385)
        values = value_and_difference(scores, labels, mean_average_precision)
        samples = value_and_difference(
            scores, labels, partial(bootstrap_means, replicates=100, seed=1)
        )
        for index, (truth, value, drawn) in enumerate(zip(truths, values, samples, strict=True)):
            for way, (low, high) in enumerate(
                (percentile_interval(drawn), basic_interval(value, drawn))
            ):
                trial[index, way] = low <= truth <= high
    (percentile, basic), (of_difference, basic_of_difference) = held.mean(axis=0)
    assert basic >= 0.85 and basic > percentile + 0.1
    assert of_difference >= 0.9 and of_difference >= basic_of_difference


@pytest.mark.parametrize("seed", range(3))
def test_the_held_out_part_has_its_share_of_every_class(seed):
    generator = np.random.default_rng(seed)
    labels = np.where(generator.random((200, 5)) < [0.05, 0.1, 0.3, 0.5, 0.02], 1, -1)
    held = held_out_part(labels, 0.3, np.random.default_rng(seed))
    assert abs(held.sum() - 60) <= 3
    for column in labels.T:
        members = column == 1
        assert abs(held[members].sum() - 0.3 * members.sum()) <= 0.1 * members.sum() + 2
    again = held_out_part(labels, 0.3, np.random.default_rng(seed))
    assert np.array_equal(held, again)
    other = held_out_part(labels, 0.3, np.random.default_rng(seed + 9))
    assert not np.array_equal(held, other)
