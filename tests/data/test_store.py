import os
import re

import numpy as np
import pandas as pd
import pytest
import torch

from sppnet.data.store import ArrayStore, ArrayWriter, atomic_path, restart_directory, write_json
from sppnet.errors import SppnetError
from sppnet.models.weights import save_tensors


class Killed(Exception):
    """Stands for a kill between two arrays."""


def arrays(seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    shapes = [(2, 3, 4), (1, 1, 4), (5, 2, 4), (3, 3, 4)]
    return {f"image{i}": generator.normal(size=s).astype(np.float16) for i, s in enumerate(shapes)}


def write_all(path, restart, stop_after=None):
    restart.mkdir(parents=True, exist_ok=True)
    with ArrayWriter(path, "float16", restart) as writer:
        for count, (key, array) in enumerate(arrays(0).items()):
            if count == stop_after:
                raise Killed
            if key not in writer.done:
                writer.append(key, array)


def test_arrays_come_back_with_their_shapes(tmp_path):
    write_all(tmp_path / "maps.npy", tmp_path / "work")
    store = ArrayStore(tmp_path / "maps.npy")
    assert store.keys() == list(arrays(0)) and store.channels == 4
    for key, array in arrays(0).items():
        np.testing.assert_array_equal(store[key], array)


@pytest.mark.parametrize("stop_after", [1, 2, 3])
@pytest.mark.parametrize("torn_bytes", [0, 5])
def test_killed_and_continued_gives_the_same_bytes(tmp_path, stop_after, torn_bytes):
    write_all(tmp_path / "whole.npy", tmp_path / "work_whole")
    with pytest.raises(Killed):
        write_all(tmp_path / "cut.npy", tmp_path / "work", stop_after)
    assert not (tmp_path / "cut.npy").exists()
    with (tmp_path / "work" / "rows.bin").open("ab") as file:
        file.write(b"x" * torn_bytes)
    write_all(tmp_path / "cut.npy", tmp_path / "work")
    for suffix in (".npy", ".parquet"):
        whole = (tmp_path / "whole").with_suffix(suffix).read_bytes()
        assert (tmp_path / "cut").with_suffix(suffix).read_bytes() == whole


def test_rows_that_never_reached_the_disk_are_written_again(tmp_path):
    with pytest.raises(Killed):
        write_all(tmp_path / "maps.npy", tmp_path / "work", 2)
    rows = tmp_path / "work" / "rows.bin"
    rows.write_bytes(rows.read_bytes()[:-1])
    write_all(tmp_path / "maps.npy", tmp_path / "work")
    np.testing.assert_array_equal(ArrayStore(tmp_path / "maps.npy")["image1"], arrays(0)["image1"])


def test_truncated_or_missing_file_is_named(tmp_path):
    write_all(tmp_path / "maps.npy", tmp_path / "work")
    content = (tmp_path / "maps.npy").read_bytes()
    (tmp_path / "maps.npy").write_bytes(content[:-2])
    with pytest.raises(SppnetError, match=r"maps\.npy"):
        ArrayStore(tmp_path / "maps.npy")
    with pytest.raises(SppnetError, match=r"none\.npy"):
        ArrayStore(tmp_path / "none.npy")


def test_unknown_image_is_named(tmp_path):
    write_all(tmp_path / "maps.npy", tmp_path / "work")
    with pytest.raises(SppnetError, match="000042"):
        ArrayStore(tmp_path / "maps.npy")["000042"]


def test_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1})
    with pytest.raises(Killed), atomic_path(tmp_path / "a.json") as temporary:
        temporary.write_text("half")
        raise Killed
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == '{\n "b": 1\n}\n'


def test_an_index_of_other_arrays_is_refused(tmp_path):
    write_all(tmp_path / "maps.npy", tmp_path / "work")
    for name, array in (("less", np.zeros((2, 4))), ("wide", np.zeros((29, 5)))):
        (tmp_path / name).mkdir()
        with ArrayWriter(tmp_path / f"{name}.npy", "float16", tmp_path / name) as writer:
            writer.append("image0", array)
        (tmp_path / f"{name}.parquet").replace(tmp_path / "maps.parquet")
        with pytest.raises(SppnetError, match=r"maps\.npy: .* its index describes"):
            ArrayStore(tmp_path / "maps.npy")


def test_a_missing_input_is_named(tmp_path):
    with pytest.raises(SppnetError, match="input: No such file"):
        restart_directory(tmp_path, {}, [tmp_path / "input"])


def test_restart_folder_follows_settings_and_inputs(tmp_path):
    source = tmp_path / "input"
    source.write_text("one")
    first = restart_directory(tmp_path, {"rate": 0.1}, [source])
    assert restart_directory(tmp_path, {"rate": 0.1}, [source]) == first
    assert restart_directory(tmp_path, {"rate": 0.2}, [source]) != first
    source.write_text("two")
    assert restart_directory(tmp_path, {"rate": 0.1}, [source]) != first


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_damaged_file_is_named_with_the_image_when_it_is_read(tmp_path, dtype, value):
    (tmp_path / "work").mkdir()
    with ArrayWriter(tmp_path / "maps.npy", dtype, tmp_path / "work") as writer:
        for key, array in arrays(0).items():
            writer.append(key, array)
    rows = np.load(tmp_path / "maps.npy", mmap_mode="r+")
    place = 2 * 3 + 1 + 2  # the third row of image2
    rows[place, 1] = value
    rows.flush()
    store = ArrayStore(tmp_path / "maps.npy")
    named = re.escape(f"{tmp_path}/maps.npy: damaged, NaN or infinity at image image2")
    for wanted in (slice(None), np.array([0, 1])):
        with pytest.raises(SppnetError, match=named):
            store.read("image2", wanted)
    # what is not read does not count
    np.testing.assert_array_equal(
        store.read("image2", np.array([4, 0])), arrays(0)["image2"][[4, 0]]
    )
    np.testing.assert_array_equal(store.read("image3"), arrays(0)["image3"])


def test_the_largest_and_the_smallest_numbers_of_half_precision_are_numbers(tmp_path):
    (tmp_path / "work").mkdir()
    most = np.array([[65504, -65504, 2**-24, -0.0]], np.float16)
    with ArrayWriter(tmp_path / "maps.npy", "float16", tmp_path / "work") as writer:
        writer.append("a", most)
    np.testing.assert_array_equal(ArrayStore(tmp_path / "maps.npy").read("a"), most)


def test_the_index_tells_how_many_values_were_cut(tmp_path):
    (tmp_path / "work").mkdir()
    with ArrayWriter(tmp_path / "maps.npy", "float16", tmp_path / "work") as writer:
        for key, cut in (("a", 0), ("b", 7)):
            writer.append(key, np.ones((3, 4)), clamped=cut)
    index = pd.read_parquet(tmp_path / "maps.parquet")
    assert dict(zip(index["key"], index["clamped"], strict=True)) == {"a": 0, "b": 7}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float64("-inf")])
def test_json_has_no_place_for_what_is_no_number(tmp_path, number):
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    value = {"rows": {"fc6": {"low": 0.1, "each": [None, 2, (0.5, number)]}}}
    with pytest.raises(SppnetError, match=r"a\.json: rows\.fc6\.each\.2\.1 is NaN or infinite"):
        write_json(path, value)
    assert path.read_text() == '{\n "old": 1\n}\n' and len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077], indirect=True, ids=oct)
def test_files_have_the_permissions_that_the_umask_leaves(tmp_path, umask):
    write_all(tmp_path / "maps.npy", tmp_path / "work")  # with an index, .parquet
    write_json(tmp_path / "a.json", {})
    save_tensors(tmp_path / "a.safetensors", {"a": torch.ones(2)}, {})
    modes = {
        path.suffix: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_file()
    }
    assert modes == dict.fromkeys([".npy", ".parquet", ".json", ".safetensors"], 0o666 & ~umask)
