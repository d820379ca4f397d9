import json

import pytest
import torch

from sppnet.errors import SppnetError
from sppnet.models.score_files import METADATA, Scores, read_scores, write_scores
from sppnet.models.weights import save_tensors

DESCRIPTION = {"classes": ["a", "b"], "images": ["x"], "view_set": "ten", "scales": [128]}


@pytest.mark.parametrize("views", [None, torch.tensor([10])])
def test_scores_are_read_as_written(tmp_path, views):
    scores = Scores(torch.tensor([[0.25, 0.75]]), torch.tensor([1]), DESCRIPTION, views)
    write_scores(tmp_path / "scores", scores)
    found = read_scores(tmp_path / "scores")
    assert torch.equal(found.values, scores.values) and torch.equal(found.labels, scores.labels)
    assert found.description == DESCRIPTION
    assert found.views is None if views is None else torch.equal(found.views, views)


def test_unfit_files_are_named(tmp_path):
    def write(name, values, **tensors):
        given = {"scores": torch.tensor(values), "labels": torch.tensor([0])} | tensors
        save_tensors(tmp_path / name, given, {METADATA: json.dumps(DESCRIPTION)})
        return tmp_path / name

    bare = tmp_path / "bare"
    save_tensors(bare, {"scores": torch.ones(1, 2)}, {})
    short = write("short", [[0.5, 0.5], [0.5, 0.5]])
    counts = write("counts", [[0.5, 0.5]], views=torch.tensor([10, 10]))
    endless = write("endless", [[0.5, float("nan")]])
    for path, words in (
        (bare, "not a file of scores"),
        (short, "fit"),
        (counts, "fit"),
        (endless, "NaN"),
    ):
        with pytest.raises(SppnetError, match=words) as error:
            read_scores(path)
        assert str(path) in str(error.value)
