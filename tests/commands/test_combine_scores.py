import json

import pytest
import torch

from sppnet.cli import run
from sppnet.errors import SppnetError
from sppnet.models.weights import load_tensors, save_tensors


def combine(scores, output, metrics):
    files = [*map(str, scores), "--output", str(output), "--metrics", str(metrics)]
    run(["combine-scores", "--scores", *files])


def write(path, values, images=("a", "b")):
    description = {
        "classes": ["cat", "dog"],
        "images": list(images),
        "view_set": path.stem,
        "views": 10.0,
        "scales": [128],
    }
    tensors = {"scores": torch.tensor(values), "labels": torch.tensor([0, 1])}
    save_tensors(path, tensors, {"classification": json.dumps(description)})
    return path


def test_the_output_can_be_combined_again(tmp_path):
    first = write(tmp_path / "one.safetensors", [[0.6, 0.4], [0.6, 0.4]])
    second = write(tmp_path / "two.safetensors", [[0.8, 0.2], [0.1, 0.9]])
    both, metrics = tmp_path / "out/both.safetensors", tmp_path / "out/both.json"
    combine([first, second], both, metrics)
    tensors, _ = load_tensors(both)
    torch.testing.assert_close(tensors["scores"], torch.tensor([[0.7, 0.3], [0.35, 0.65]]))
    found = json.loads(metrics.read_text())
    assert found["images"] == 2 and found["models"] == 2 and found["view_set"] == "one + two"
    assert found["top1"]["error"] == 0.0 and found["top1"]["high"] > 0.5
    combine([both, first], tmp_path / "three.safetensors", metrics)
    assert json.loads(metrics.read_text())["models"] == 3
    combine([first, first], both, metrics)
    found = json.loads(metrics.read_text())
    assert (found["top1"]["error"], found["top5"]["error"]) == (0.5, 0.0)


def test_nothing_is_written_for_other_images(tmp_path):
    first = write(tmp_path / "one.safetensors", [[0.6, 0.4], [0.6, 0.4]])
    second = write(tmp_path / "two.safetensors", [[0.6, 0.4], [0.6, 0.4]], images=("a", "c"))
    with pytest.raises(SppnetError, match="other images"):
        combine([first, second], tmp_path / "both.safetensors", tmp_path / "both.json")
    assert not (tmp_path / "both.safetensors").exists()
