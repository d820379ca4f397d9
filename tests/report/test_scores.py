import json

import pytest
import torch

from sppnet.errors import SppnetError
from sppnet.models.score_files import read_scores
from sppnet.models.weights import save_tensors
from sppnet.report.scores import combine_scores, read_wrong


def write(path, values, labels, **changes):
    values = torch.tensor(values)
    description = {
        "classes": [f"c{i}" for i in range(values.shape[1])],
        "images": [f"i{i}" for i in range(len(values))],
        "view_set": "ten",
        "views": 10.0,
        "scales": [128],
    } | changes
    tensors = {"scores": values, "labels": torch.tensor(labels)}
    save_tensors(path, tensors, {"classification": json.dumps(description)})
    return path


@pytest.fixture
def two(tmp_path):
    first = write(tmp_path / "a", [[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], [0, 1])
    second = write(tmp_path / "b", [[0.1, 0.7, 0.2], [0.1, 0.6, 0.3]], [0, 1], scales=[96])
    return first, second


def test_an_image_is_wrong_when_its_label_is_not_among_the_best(two):
    wrong, images = read_wrong(two, top=1)
    assert wrong.tolist() == [[False, True], [True, False]]
    assert images == ["i0", "i1"]
    assert read_wrong(two, top=2)[0].tolist() == [[False, False], [True, False]]
    assert not read_wrong(two, top=5)[0].any()  # of three classes


def test_scores_are_averaged(two):
    combined = combine_scores(two)
    torch.testing.assert_close(combined.values, torch.tensor([[0.3, 0.5, 0.2], [0.15, 0.45, 0.4]]))
    assert combined.wrong(1).tolist() == [True, False]
    assert combined.description["models"] == 2
    assert combined.description["scales"] == [96, 128]
    assert combined.description["view_set"] == "ten"


def test_a_network_combined_with_itself_is_itself(two):
    assert torch.equal(combine_scores([two[0]] * 3).values, read_scores(two[0]).values)


@pytest.mark.parametrize(
    ("changes", "labels", "words"),
    [
        ({"images": ["i0", "other"]}, [0, 1], "other images"),
        ({"images": ["i1", "i0"]}, [0, 1], "other images"),
        ({"classes": ["x", "y", "z"]}, [0, 1], "other classes"),
        ({}, [0, 2], "other labels"),
    ],
)
def test_scores_of_other_sets_are_refused(two, tmp_path, changes, labels, words):
    other = write(tmp_path / "c", [[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], labels, **changes)
    for read in (combine_scores, lambda paths: read_wrong(paths, 1)):
        with pytest.raises(SppnetError, match=words) as error:
            read([two[0], other])
        assert str(other) in str(error.value)


def test_no_files_are_refused():
    for read in (combine_scores, lambda paths: read_wrong(paths, 1)):
        with pytest.raises(SppnetError, match="no "):
            read([])
