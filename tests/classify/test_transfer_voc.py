import json

import numpy as np
import pytest
import torch

from sppnet.classify import transfer_voc
from sppnet.classify.linear_svm import class_scores
from sppnet.classify.settings import TransferSvm
from sppnet.classify.transfer_voc import choose_size, learn_voc
from sppnet.classify.voc_classification import image_labels
from sppnet.data.manifest import ImageRecord
from sppnet.errors import SppnetError

SVM = {"svm": TransferSvm(cost=1, seed=1), "device": torch.device("cpu")}
TESTED, CHOICE = SVM | {"replicates": 50}, SVM | {"holdout": 0.3}


def record(number, names, difficult=False):
    return ImageRecord(
        "detection",
        "trainval",
        f"{number:06d}",
        "",
        9,
        9,
        "",
        class_names=names,
        boxes=np.zeros((len(names), 4), np.float32),
        difficult=np.full(len(names), difficult),
    )


class Stored:
    """Features that show the classes of an image, more or less clearly by layer."""

    def __init__(self, records, noise):
        self.names = {"conv5": "conv7", "fc7": "fc9"}
        self.noise = dict(zip(self.names, noise, strict=True))
        self.records = {each.image: each for each in records}

    def vectors(self, layer, images):
        generator = np.random.default_rng(int(images[0]))
        found = []
        for image in images:
            shown = [float(name in self.records[image].class_names) for name in ("cat", "dog")]
            noise = generator.normal(size=40) * self.noise[layer]
            found.append((np.pad(shown, (0, 38), constant_values=0.5) + noise).astype(np.float16))
        return found


def images(count, first=0):
    kinds = [("cat",), ("dog",), ("cat", "dog"), ()]
    return [record(first + number, kinds[number % 4]) for number in range(count)]


def test_clear_layers_are_learnt_and_every_score_is_kept():
    training, testing = images(40), images(21, first=100)
    stored = [Stored(part, (1.5, 0.01)) for part in (training, testing)]
    report, table = learn_voc(training, testing, *stored, **TESTED)
    clear, noisy = report["layers"]["fc7"], report["layers"]["conv5"]
    assert clear["value"] == pytest.approx(1) and noisy["value"] < 0.95
    assert clear["name"] == "fc9" and clear["n"] == report["images"] == 21
    assert noisy["low"] <= noisy["value"] <= noisy["high"]
    assert len(noisy["replicates"]) == 50 and report["image_names"][0] == "000100"
    assert set(clear["per_class"]) == {"cat", "dog"}
    assert len(table) == 2 * 21 * 2
    cats = table[(table["layer"] == "fc7") & (table["class_name"] == "cat")]
    assert list(cats["image"]) == report["image_names"]
    assert ((cats["score"] > -0.2) == (cats["label"] == 1)).all()


def test_only_difficult_objects_count_neither_way():
    training, testing = images(40), images(20, first=100)
    # Clear cats that are difficult: as negatives they would push the precision down.
    hard = [record(200 + number, ("cat",), difficult=True) for number in range(10)]
    stored = [Stored([*part, *hard], (0.01, 0.01)) for part in (training, testing)]
    report, table = learn_voc(training, [*testing, *hard], *stored, **TESTED)
    assert report["layers"]["fc7"]["per_class"]["cat"] == pytest.approx(1)
    assert (table[table["class_name"] == "cat"]["label"] == 0).sum() == 2 * 10


def test_a_class_that_is_not_tested_is_null_and_left_out():
    training = images(40)
    testing = [record(100, ("cat",)), record(101, ()), record(102, ())]
    stored = [Stored(part, (0.01, 0.01)) for part in (training, testing)]
    report, _ = learn_voc(training, testing, *stored, **TESTED)
    assert report["layers"]["fc7"]["per_class"]["dog"] is None
    # nor can a sample of the images be measured that lacks the only cat
    drawn = report["layers"]["fc7"]["replicates"]
    measured = [each for each in drawn if each is not None]
    assert 0 < len(measured) < len(drawn) and measured == pytest.approx([1] * len(measured))
    assert json.dumps(report, allow_nan=False)
    assert report["layers"]["fc7"]["value"] == pytest.approx(1)
    with pytest.raises(SppnetError, match="no class has training and test images"):
        learn_voc(training, testing[1:], *stored, **TESTED)


def test_the_held_out_share_is_measured_on_and_all_others_are_learnt_from(monkeypatch):
    parts = []

    def remember(kernel, labels, train, test, **settings):
        parts.append((train, test))
        return class_scores(kernel, labels, train, test, **settings)

    monkeypatch.setattr(transfer_voc, "class_scores", remember)
    training = images(60)
    labels, names = image_labels(training, ("cat", "dog")), [each.image for each in training]
    choose_size({size: Stored(training, (1, 1)) for size in (224, 392)}, names, labels, **CHOICE)
    for train, test in parts:
        assert sorted([*train, *test]) == list(range(60)) and len(test) == pytest.approx(18, abs=2)
        assert np.array_equal(test, parts[0][1])  # the same images for all sizes
    assert len(parts) == 2


def test_the_size_is_chosen_on_held_out_trainval_images_by_fc7():
    training = images(60)
    candidates = {
        224: Stored(training, (0.01, 0.9)),
        392: Stored(training, (0.9, 0.05)),
    }
    labels = image_labels(training, ("cat", "dog"))
    names = [each.image for each in training]
    found = choose_size(candidates, names, labels, **CHOICE)
    assert found[392] > found[224]
    with pytest.raises(SppnetError, match="--holdout 0"):
        choose_size(candidates, names, labels, **SVM, holdout=0.0)
