import re

import numpy as np
import pandas as pd
import pytest
import torch

from sppnet.data.store import ArrayStore
from sppnet.errors import SppnetError
from sppnet.models.half_precision import FeatureWriter

LIMIT = 65504.0  # (2 - 2 ** -10) * 2 ** 15


def stored(folder, features, layers=1):
    """Store features by key, those that are not yet there."""
    (folder / "work").mkdir(parents=True, exist_ok=True)
    path = folder / "maps.npy"
    with FeatureWriter(path, folder / "work", folder / "net.safetensors", layers) as writer:
        for key, values in features.items():
            if key not in writer.done:
                writer.store(key, torch.as_tensor(values))
    return ArrayStore(path), pd.read_parquet(path.with_suffix(".parquet"))["clamped"].tolist()


def test_features_within_the_range_are_rounded_and_nothing_is_said(tmp_path, capsys):
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)) * 1e4
    values[0, :2] = torch.tensor([LIMIT, -LIMIT])
    store, clamped = stored(tmp_path, {"a": values, "b": torch.empty(0, 4)})
    np.testing.assert_array_equal(store["a"], values.numpy().astype(np.float16))
    assert store["b"].shape == (0, 4) and clamped == [0, 0]
    assert capsys.readouterr() == ("", "")


def test_values_beyond_the_range_become_its_limit_and_are_counted(tmp_path, capsys):
    features = {
        "a": [[1.0, 1e5]],
        "b": [[1.0, 2.0]],
        "c": [[-1e30, LIMIT], [7e4, 3.0]],
    }
    store, clamped = stored(tmp_path, features)
    assert store["a"].tolist() == [[1, LIMIT]] and store["c"].tolist() == [
        [-LIMIT, LIMIT],
        [LIMIT, 3],
    ]
    assert clamped == [1, 0, 2]
    assert capsys.readouterr().err == (
        f"sppnet: {tmp_path}/maps.npy: 3 values in 2 of 3 images are beyond half precision and "
        f"stored as its limit, 65504, the most in c; raise map_std, by which the maps of "
        f"{tmp_path}/net.safetensors are divided\n"
    )


def test_images_are_counted_once_however_many_layers_are_cut(tmp_path, capsys):
    features = {f"{layer}/{image}": [[1e5]] for image in "ab" for layer in ("fc6", "fc7")}
    stored(tmp_path, features | {"fc6/c": [[1.0]], "fc7/c": [[1.0]]}, layers=2)
    assert "4 values in 2 of 3 images" in capsys.readouterr().err


def test_what_was_cut_before_a_kill_is_counted_too(tmp_path, capsys):
    with pytest.raises(SppnetError):
        stored(tmp_path, {"a": [[1e5, 1.0]], "b": [[float("nan"), 1.0]]})
    assert "beyond half precision" not in capsys.readouterr().err
    _, clamped = stored(tmp_path, {"a": [[1e5, 1.0]], "b": [[1e5, 1e5]]})
    assert clamped == [1, 2] and "3 values in 2 of 2 images" in capsys.readouterr().err


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused_and_the_work_before_it_stays(tmp_path, value):
    named = f"maps.npy: {tmp_path}/net.safetensors gives NaN or infinity for image b; start again"
    with pytest.raises(SppnetError, match=re.escape(named)):
        stored(tmp_path, {"a": [[1.0, 2.0]], "b": [[1e5, value]], "c": [[1.0, 1.0]]})
    assert not (tmp_path / "maps.npy").exists()
    # a is not asked for again: what stands here in its place is not looked at
    store, _ = stored(tmp_path, {"a": [[9.0, 9.0]], "b": [[3.0, 4.0]]})
    assert store["a"].tolist() == [[1, 2]] and store["b"].tolist() == [[3, 4]]
