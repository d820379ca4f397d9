from dataclasses import replace

import numpy as np
import pytest

from sppnet.classify.transfer_caltech import (
    CaltechProtocol,
    bootstrap_means,
    category_accuracies,
    draw_split,
    learn_caltech,
)
from sppnet.data.manifest import ImageRecord
from sppnet.errors import SppnetError

PROTOCOL = CaltechProtocol(
    cost=1, train_per_class=5, test_per_class=8, splits=3, bootstrap=40, seed=1
)
COUNTS = {"ant": 9, "bee": 14, "crab": 20}
RECORDS = [
    ImageRecord("caltech101", "all", f"{name}/{number}.jpg", "", 9, 9, "", label=name)
    for name, count in COUNTS.items()
    for number in range(count)
]


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
    report, table = learn_caltech(RECORDS, Stored(0.5), PROTOCOL)
    layer = report["layers"]["spp"]
    assert len(table) == 3 * 20 and layer["n"] == 20 and report["images"] == 43
    right = table["label"] == table["predicted"]
    each = right.groupby([table["split"], table["label"]]).mean().unstack()
    assert layer["splits"] == pytest.approx(each.mean(axis=1).tolist())
    assert layer["value"] == pytest.approx(each.to_numpy().mean())
    assert layer["value"] != pytest.approx(right.mean(), abs=1e-3)
    assert layer["deviation"] == pytest.approx(each.mean(axis=1).std())
    assert layer["per_class"] == pytest.approx(each.mean(axis=0).to_dict())
    assert layer["low"] < layer["value"] < layer["high"]
    assert layer["name"] == "SPP pool5" and len(layer["replicates"]) == 40


def test_clear_features_are_named_rightly_and_seeds_decide_the_splits():
    report, table = learn_caltech(RECORDS, Stored(0.05), PROTOCOL)
    assert report["layers"]["spp"]["value"] == 1
    again = learn_caltech(RECORDS, Stored(0.05), PROTOCOL)
    assert again[0] == report and again[1].equals(table)
    other = learn_caltech(RECORDS, Stored(0.05), replace(PROTOCOL, seed=2))[1]
    assert not other["image"].equals(table["image"])


def test_every_split_is_another_one():
    table = learn_caltech(RECORDS, Stored(0.05), replace(PROTOCOL, splits=10))[1]
    tested = table.groupby("split")["image"].apply(frozenset)
    assert len(tested) == len(set(tested)) == 10


def test_a_category_that_training_uses_up_is_null_and_left_out():
    protocol = replace(PROTOCOL, train_per_class=9, splits=1)
    layer = learn_caltech(RECORDS, Stored(0.05), protocol)[0]["layers"]["spp"]
    assert layer["per_class"] == {"ant": None, "bee": 1, "crab": 1}
    assert layer["value"] == 1 and layer["deviation"] is None


@pytest.mark.parametrize(
    ("train", "words"), [(10, "'ant' has 9 images"), (20, "'ant' has 9"), (1, "1 categories")]
)
def test_too_few_images_or_categories_are_refused(train, words):
    records = RECORDS if train > 1 else RECORDS[:9]
    with pytest.raises(SppnetError, match=words):
        learn_caltech(records, Stored(0.1), replace(PROTOCOL, train_per_class=train))


def test_a_weight_is_a_number_of_copies():
    generator = np.random.default_rng(2)
    labels = np.repeat([0, 1], [6, 5])
    tested = generator.random((4, 11)) > 0.3
    correct = tested & (generator.random((4, 11)) > 0.4)
    weights = generator.integers(1, 4, (1, 11))
    copies = np.repeat(np.arange(11), weights[0])
    found = category_accuracies(correct, tested, labels, weights.astype(float))
    once = np.ones((1, len(copies)))
    same = category_accuracies(correct[:, copies], tested[:, copies], labels[copies], once)
    assert found == pytest.approx(same)


def test_samples_keep_the_size_of_every_category():
    labels = np.repeat([0, 1], [200, 4])
    tested = np.ones((1, 204), bool)
    correct = (labels == 0)[None]
    # one category always right, the other never: drawn within categories, the mean never moves
    samples = bootstrap_means(correct, tested, labels, replicates=120, seed=3)
    assert samples.tolist() == [0.5] * 120
