import numpy as np
import pytest
import torch
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from sppnet.classify import transfer_caltech
from sppnet.classify.linear_svm import normalised_kernel
from sppnet.classify.settings import CaltechSplits, TransferSvm
from sppnet.classify.transfer_caltech import (
    category_accuracies,
    draw_split,
    learn_caltech,
    predict,
    split_half_differences,
)
from sppnet.data.manifest import ImageRecord
from sppnet.errors import SppnetError
from sppnet.statistics.split_half import draw_split_halves, split_half_interval

SVM = TransferSvm(cost=1, seed=1)
PROTOCOL = CaltechSplits(train_per_class=5, test_per_class=8, splits=3, split_halves=6)
COUNTS = {"ant": 9, "bee": 14, "crab": 20}
RECORDS = [
    ImageRecord("caltech101", "all", f"{name}/{number}.jpg", "", 9, 9, "", label=name)
    for name, count in COUNTS.items()
    for number in range(count)
]


def changed(**numbers):
    return PROTOCOL.model_copy(update=numbers)


def learn(protocol, records, features, seed=1):
    svm = TransferSvm(cost=1, seed=seed)
    device = torch.device("cpu")
    return learn_caltech(records, features, svm=svm, protocol=protocol, device=device)


class Stored:
    """Features that show the category of an image under noise."""

    def __init__(self, noise):
        self.names, self.noise = {"spp": "SPP pool5"}, noise

    def vectors(self, layer, images):
        generator = np.random.default_rng(0)
        found = []
        for image in images:
            shown = np.eye(3, 20)[list(COUNTS).index(image.split("/")[0])]
            found.append((shown + self.noise * generator.normal(size=20)).astype(np.float16))
        return found


def test_a_split_takes_so_many_of_each_and_tests_on_others():
    labels = np.repeat([0, 1, 2], list(COUNTS.values()))
    draws = []
    for seed in range(2):
        generator = np.random.default_rng(seed)
        train, test = draw_split(labels, train=5, test=8, generator=generator)
        assert np.bincount(labels[train]).tolist() == [5, 5, 5]
        assert np.bincount(labels[test]).tolist() == [4, 8, 8]
        assert len({*train, *test}) == 15 + 20
        draws.append(train.tolist())
    assert draws[0] != draws[1]


def test_accuracy_is_the_mean_over_categories_and_not_over_images():
    report, table = learn(PROTOCOL, RECORDS, Stored(0.5))
    layer = report["layers"]["spp"]
    assert len(table) == 3 * 20 and layer["n"] == 20 and report["images"] == 43
    right = table["label"] == table["predicted"]
    each = right.groupby([table["split"], table["label"]]).mean().unstack()
    assert layer["splits"] == pytest.approx(each.mean(axis=1).tolist())
    assert layer["value"] == pytest.approx(each.to_numpy().mean())
    assert layer["value"] != pytest.approx(right.mean(), abs=1e-3)
    assert layer["deviation"] == pytest.approx(each.mean(axis=1).std())
    assert layer["per_class"] == pytest.approx(each.mean(axis=0).to_dict())
    middle = (layer["low"] + layer["high"]) / 2
    assert layer["low"] < layer["value"] == pytest.approx(middle)
    assert layer["name"] == "SPP pool5" and len(layer["half_differences"]) == 6


def test_clear_features_are_named_rightly_and_seeds_decide_the_splits():
    report, table = learn(PROTOCOL, RECORDS, Stored(0.05))
    assert report["layers"]["spp"]["value"] == 1
    again = learn(PROTOCOL, RECORDS, Stored(0.05))
    assert again[0] == report and again[1].equals(table)
    other = learn(PROTOCOL, RECORDS, Stored(0.05), seed=2)[1]
    assert not other["image"].equals(table["image"])


def test_every_split_is_another_one():
    table = learn(changed(splits=10), RECORDS, Stored(0.05))[1]
    tested = table.groupby("split")["image"].apply(frozenset)
    assert len(tested) == len(set(tested)) == 10


def test_a_category_that_training_uses_up_is_null_and_left_out():
    protocol = changed(train_per_class=9, splits=1)
    layer = learn(protocol, RECORDS, Stored(0.05))[0]["layers"]["spp"]
    assert layer["per_class"] == {"ant": None, "bee": 1, "crab": 1}
    assert layer["value"] == 1 and layer["deviation"] is None


@pytest.mark.parametrize(
    ("train", "kept", "words"),
    [
        (10, 43, "'ant' has 9 images"),
        (20, 43, "'ant' has 9"),
        (1, 9, "1 categories"),
        (8, 18, "none with test images in both halves"),
    ],
)
def test_too_few_images_or_categories_are_refused(train, kept, words):
    records = RECORDS[:kept]
    with pytest.raises(SppnetError, match=words):
        learn(changed(train_per_class=train), records, Stored(0.1))


def test_shares_are_of_each_categorys_test_images():
    labels = np.array([0, 0, 0, 1, 1, 2])
    splits = [(np.array([5]), np.array([0, 1, 3])), (np.array([5]), np.array([2, 3, 4]))]
    found = category_accuracies(splits, [np.array([0, 2, 1]), np.array([1, 1, 0])], labels, 3)
    assert found == pytest.approx(np.array([[0.5, 1, np.nan], [0, 0.5, np.nan]]), nan_ok=True)


def drawn(seed, noise=(1.0,)):
    """Labels of 3 categories of 14 images, and kernels of features under so much own noise."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], 14)
    shown = 1.2 * np.eye(3, 6)[labels] + generator.normal(size=(42, 6))
    layers = [shown + own * generator.normal(size=shown.shape) for own in noise]
    return labels, [normalised_kernel(list(layer)) for layer in layers]


def test_a_half_repeats_the_experiment_on_its_own_images():
    labels, (kernel,) = drawn(0)
    protocol = changed(train_per_class=5, test_per_class=3, split_halves=1)
    generator = np.random.default_rng([SVM.seed, protocol.splits])
    means = []
    for half in draw_split_halves(labels, generator):
        shares = []
        for _ in range(2):  # of 3 splits
            train, test = draw_split(labels[half], train=2, test=2, generator=generator)
            inner = kernel[np.ix_(half[train], half[train])]
            machine = OneVsRestClassifier(SVC(C=1, kernel="precomputed"))
            machine.fit(inner, labels[half[train]])
            guess = machine.predict(kernel[np.ix_(half[test], half[train])])
            shares.append((guess == labels[half[test]]).mean())  # 2 test images of each category
        means.append(np.mean(shares))
    found = split_half_differences(kernel, labels, svm=SVM, protocol=protocol)
    assert found == pytest.approx([(means[0] - means[1]) / 2])


def test_categories_that_the_value_lacks_are_not_in_its_halves(monkeypatch):
    """Nine images, nine to train on: a half of five has one beyond its four, which counts not."""
    labels = np.repeat([0, 1, 2], [9, 20, 20])

    def only_the_first_is_named_wrongly(kernel, labels, split, cost):
        return np.maximum(labels[split[1]], 1)

    monkeypatch.setattr(transfer_caltech, "predict", only_the_first_is_named_wrongly)
    found = split_half_differences(np.eye(49), labels, svm=SVM, protocol=changed(train_per_class=9))
    assert found.tolist() == [0] * 6


def test_intervals_from_halves_hold_the_mean_of_new_data_sets():
    """So do those of the difference of two layers, which see the same images in every half."""
    protocol = changed(train_per_class=6, test_per_class=8, splits=4, split_halves=4)
    values, halves = [], []
    for seed in range(60):
        labels, kernels = drawn([5, seed], (0.3, 0.8))
        splits = [
            draw_split(labels, train=6, test=8, generator=np.random.default_rng([seed, number]))
            for number in range(4)
        ]
        shares = [
            category_accuracies(splits, [predict(k, labels, s, 1) for s in splits], labels, 3)
            for k in kernels
        ]
        values.append([share.mean() for share in shares])
        halves.append(
            [
                split_half_differences(kernel, labels, svm=SVM, protocol=protocol)
                for kernel in kernels
            ]
        )
    (one, two), (first, second) = np.transpose(values), np.swapaxes(halves, 0, 1)
    for value, half in ((one, first), (two, second), (one - two, first - second)):
        # the spread that halves show, over that of the value between data sets
        ratio = np.sqrt(np.mean(half**2)) / value.std(ddof=1)
        ends = [split_half_interval(*each) for each in zip(value, half, strict=True)]
        held = np.mean([low <= value.mean() <= high for low, high in ends])
        assert 0.9 < ratio < 1.35 and held >= 0.9, (ratio, held)
