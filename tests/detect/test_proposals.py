import json
import multiprocessing
import os
from fractions import Fraction
from functools import partial
from math import floor

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sppnet.data.manifest import ImageRecord
from sppnet.data.store import file_sha256
from sppnet.detect import proposals
from sppnet.detect.proposals import (
    best_overlaps,
    coverage,
    propose,
    read_proposals,
    recall,
    search_shrunk,
    selective_search,
    write_proposals,
)
from sppnet.errors import SppnetError

SETTINGS = {"base_k": (50, 100), "sigma": 0.8, "minimum_side": 20}
SEARCH = partial(selective_search, **SETTINGS)


def blocks(seed, height=90, width=120):
    """Squares of random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (height // 15, width // 15, 3))
    return np.kron(colours, np.ones((15, 15, 1))).astype(np.uint8)


def record(image, path="", boxes=(), difficult=()):
    return ImageRecord(
        dataset="detection",
        split="test",
        image=image,
        path=str(path),
        width=120,
        height=90,
        sha256=file_sha256(path) if path else "",
        class_names=("thing",) * len(boxes),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        difficult=np.array(difficult, bool),
    )


@pytest.fixture
def pictures(tmp_path):
    """Five pictures of which the third is too small to search."""
    records = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        pixels = blocks(number) if number != 2 else np.zeros((1, 50, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        records.append(record(f"image {number}", path))
    return records


@pytest.fixture
def quick_workers(monkeypatch):
    """Worker processes that need not import everything one by one: they leave a common server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sppnet.detect.proposals"])
    monkeypatch.setattr(proposals.multiprocessing, "get_context", lambda method: context)


@pytest.fixture
def in_this_process(monkeypatch):
    """Search without worker processes; notes what was searched."""
    searched = []

    def search_all(records, search, workers):
        for each in records:
            searched.append(each.image)
            yield proposals._search_file(search, each)

    monkeypatch.setattr(proposals, "_search_all", search_all)
    monkeypatch.setattr(proposals, "CHUNK", 2)
    return searched


def folder(path):
    path.mkdir()
    return path


def same(first, second):
    return list(first) == list(second) and all(np.array_equal(first[i], second[i]) for i in first)


def test_the_same_picture_gives_the_same_boxes_in_the_same_order():
    first, other, again = SEARCH(blocks(1)), SEARCH(blocks(2)), SEARCH(blocks(1))
    assert first.dtype == np.float32 and len(first) > 20
    assert np.array_equal(first, again) and not np.array_equal(first[:5], other[:5])


def test_boxes_are_large_enough_inside_and_distinct():
    boxes = SEARCH(blocks(3))
    assert len(np.unique(boxes, axis=0)) == len(boxes)
    sides = boxes[:, 2:] - boxes[:, :2]
    assert sides.min() >= 20 and (boxes >= 0).all() and (boxes[:, 2:] <= [120, 90]).all()
    everything = selective_search(blocks(3), **{**SETTINGS, "minimum_side": 1})
    large = everything[(everything[:, 2:] - everything[:, :2]).min(1) >= 20]
    assert {tuple(box) for box in large.tolist()} == {tuple(box) for box in boxes.tolist()}
    assert len(everything) > len(boxes)


def test_boxes_are_half_open():
    image = np.full((90, 120, 3), 200, np.uint8)
    image[20:60, 30:90] = (30, 60, 200)
    found = SEARCH(image).tolist()
    assert [30, 20, 90, 60] in found  # a rectangle on columns 30..89 and rows 20..59
    assert [0, 0, 120, 90] in found


@pytest.mark.parametrize(("minimum", "kept"), [(20, True), (21, False)])
def test_a_side_of_exactly_the_minimum_is_kept(minimum, kept):
    image = np.full((90, 120, 3), 200, np.uint8)
    image[20:60, 30:50] = (30, 60, 200)
    found = selective_search(image, **{**SETTINGS, "minimum_side": minimum}).tolist()
    assert ([30, 20, 50, 60] in found) == kept


def single_search(image, k, with_colour):
    """Boxes of one picture, one first segmentation and one similarity measure."""
    parts = cv2.ximgproc.segmentation
    kinds = ("Color", "Texture", "Size", "Fill")[0 if with_colour else 1 :]
    measures = [
        getattr(parts, f"createSelectiveSearchSegmentationStrategy{kind}")() for kind in kinds
    ]
    search = parts.createSelectiveSearchSegmentation()
    search.setBaseImage(image)
    search.addImage(image)
    search.addGraphSegmentation(parts.createGraphSegmentation(0.8, float(k), k))
    search.addStrategy(parts.createSelectiveSearchSegmentationStrategyMultiple(*measures))
    return {(x, y, x + w, y + h) for x, y, w, h in search.process().tolist()}


def test_all_groupings_are_united():
    """Two colour spaces, two first segmentations and two measures, each searched by itself."""
    image = blocks(4)
    turned = np.ascontiguousarray(image[:, :, ::-1])
    spaces = [cv2.cvtColor(turned, code) for code in (cv2.COLOR_BGR2HSV, cv2.COLOR_BGR2Lab)]
    found = [
        single_search(space, k, with_colour)
        for space in spaces
        for k in (50, 100)
        for with_colour in (True, False)
    ]
    large = {b for b in set().union(*found) if b[2] - b[0] >= 20 and b[3] - b[1] >= 20}
    assert {tuple(box) for box in SEARCH(image).astype(int).tolist()} == large
    assert all(len(each) < len(large) for each in found)


@pytest.mark.parametrize("shape", [(1, 50, 3), (50, 1, 3)])
def test_a_picture_of_one_pixel_has_no_box(shape):
    assert SEARCH(np.zeros(shape, np.uint8)).shape == (0, 4)


def test_order_is_by_rank_times_a_fixed_sequence():
    generator = np.random.default_rng(0)
    corners = np.unique(generator.integers(0, 40, (50, 2)), axis=0)
    boxes = np.hstack([corners, corners + generator.integers(1, 30, corners.shape)])
    largest_first = sorted(
        boxes.tolist(),
        key=lambda b: (-(b[2] - b[0]) * (b[3] - b[1]), b[3], b[2], b[1], b[0]),
    )
    golden = (5**0.5 - 1) / 2
    keys = [rank * (rank * golden % 1) for rank in range(1, len(boxes) + 1)]
    expected = [box for _, box in sorted(zip(keys, largest_first, strict=True))]
    shuffled = generator.permutation(boxes)
    assert proposals._ranked(shuffled).tolist() == expected


def test_found_boxes_come_in_that_order():
    boxes = SEARCH(blocks(5))
    in_order = proposals._ranked(np.unique(boxes, axis=0))
    assert np.array_equal(boxes, in_order) and not np.array_equal(boxes, np.unique(boxes, axis=0))


def test_two_processes_find_what_one_finds(pictures, tmp_path, monkeypatch, quick_workers):
    monkeypatch.setattr(proposals, "CHUNK", 2)
    found = {}
    for workers in (1, 2):
        restart = folder(tmp_path / f"restart{workers}")
        found[workers], seconds = propose(pictures, SEARCH, workers=workers, restart=restart)
        assert seconds > 0
    assert same(found[1], found[2])
    assert list(found[1]) == [each.image for each in pictures]
    for number in (0, 1, 3, 4):
        assert np.array_equal(found[1][f"image {number}"], SEARCH(blocks(number)))
    assert found[1]["image 2"].shape == (0, 4)


def test_a_killed_run_searches_only_what_is_missing(pictures, tmp_path, in_this_process):
    restart = folder(tmp_path / "restart")
    whole, _ = propose(pictures, SEARCH, workers=1, restart=restart)
    chunks = sorted(restart.iterdir())
    assert len(chunks) == 3 and len(in_this_process) == 5
    chunks[1].unlink()
    continued, _ = propose(pictures, SEARCH, workers=1, restart=restart)
    assert in_this_process[5:] == ["image 2", "image 3"]
    assert same(whole, continued)


def test_mean_time_is_over_all_pictures(pictures, tmp_path, in_this_process, monkeypatch):
    ticks = iter([0, 1, 10, 12, 20, 23, 30, 34, 40, 45])
    monkeypatch.setattr(proposals.time, "process_time", lambda: next(ticks))
    _, seconds = propose(pictures, SEARCH, workers=1, restart=folder(tmp_path / "restart"))
    assert seconds == (1 + 2 + 3 + 4 + 5) / 5


def test_an_unreadable_picture_is_named_and_its_forerunners_are_kept(
    pictures, tmp_path, monkeypatch, quick_workers
):
    monkeypatch.setattr(proposals, "CHUNK", 2)
    (tmp_path / "3.png").write_bytes(b"no picture")
    restart = folder(tmp_path / "restart")
    with pytest.raises(SppnetError, match=r"3\.png") as caught:
        propose(pictures, SEARCH, workers=1, restart=restart)
    assert "\n" not in str(caught.value)
    assert [path.name for path in restart.iterdir()] == ["000000.npz"]


def die(image):
    os._exit(1)


def test_a_killed_worker_is_reported(pictures, tmp_path, quick_workers):
    with pytest.raises(SppnetError, match="worker process was killed"):
        propose(pictures, die, workers=1, restart=folder(tmp_path / "restart"))


def test_a_failed_search_names_the_picture(pictures):
    def fail(image):
        raise cv2.error("no\nluck")

    with pytest.raises(SppnetError, match=r"0\.png: selective search failed \(no luck\)"):
        proposals._search_file(fail, pictures[0])


def test_files_give_back_what_was_written(tmp_path):
    some = np.array([[0, 1, 20, 30], [5, 5, 25.5, 40]], np.float32)
    written = {"b": some, "empty": some[:0], "a": some[::-1] + 1, "last": some[:0]}
    write_proposals(tmp_path / "boxes.parquet", written, {"sigma": 0.8, "base_k": [50]})
    found = read_proposals(tmp_path / "boxes.parquet")
    assert same(found, written)
    assert all(boxes.dtype == np.float32 and boxes.shape[1] == 4 for boxes in found.values())
    table = pq.read_table(tmp_path / "boxes.parquet")
    assert table.column_names == ["image", "x1", "y1", "x2", "y2"]
    about = {key.decode(): json.loads(value) for key, value in table.schema.metadata.items()}
    assert about["settings"] == {"sigma": 0.8, "base_k": [50]}
    assert about["opencv"] == cv2.__version__


def test_a_file_without_any_box(tmp_path):
    written = {"a": np.zeros((0, 4)), "b": np.zeros((0, 4))}
    write_proposals(tmp_path / "boxes.parquet", written, {})
    assert same(read_proposals(tmp_path / "boxes.parquet"), written)


def test_equal_proposals_are_equal_bytes(tmp_path):
    boxes = {"a": np.array([[0, 1, 20, 30]], np.float32)}
    for name in ("first", "second"):
        write_proposals(tmp_path / name, boxes, {"sigma": 0.8})
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_other_files_are_no_proposals(tmp_path):
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("boxes")
    for name in ("other.parquet", "text.parquet", "missing.parquet"):
        with pytest.raises(SppnetError, match=f"{name}: not a proposals file") as caught:
            read_proposals(tmp_path / name)
        assert "\n" not in str(caught.value)


# The first object is met with 50 / 100, the second with 80 / 100 and 70 / 100, the third not.
OBJECTS = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [90, 90, 99, 99]], np.float32)
FOUND = np.array([[0, 0, 10, 5], [20, 0, 30, 8], [20, 0, 27, 10]], np.float32)


def test_best_overlap_and_coverage_by_hand():
    assert best_overlaps(OBJECTS, FOUND).tolist() == pytest.approx([0.5, 0.8, 0])
    assert coverage(OBJECTS, FOUND, iou=0.5) == pytest.approx(2 / 3)
    assert coverage(OBJECTS, FOUND, iou=0.51) == pytest.approx(1 / 3)
    assert coverage(OBJECTS, FOUND[:0], iou=0.5) == 0
    assert best_overlaps(OBJECTS[:0], FOUND).shape == (0,)


def test_recall_counts_objects_over_all_images_without_the_difficult():
    records = [
        record("a", boxes=OBJECTS, difficult=[False, False, False]),
        record("b", boxes=OBJECTS, difficult=[False, True, True]),
        record("c"),
    ]
    found = {"a": FOUND, "b": FOUND[1:], "c": FOUND}
    assert recall(records, found, iou=0.5) == pytest.approx(2 / 4)
    assert recall(records, found, iou=0.6) == pytest.approx(1 / 4)
    assert recall(records[2:], found, iou=0.5) is None


def test_a_picture_at_or_below_the_working_size_is_searched_as_it_is():
    image = blocks(1)
    for longest_side in (120, 500):
        assert np.array_equal(
            search_shrunk(image, SEARCH, longest_side=longest_side), SEARCH(image)
        )


def test_a_larger_picture_is_searched_at_the_working_size():
    large = np.kron(blocks(3), np.ones((3, 3, 1), np.uint8))
    assert np.array_equal(search_shrunk(large, SEARCH, longest_side=120), 3 * SEARCH(blocks(3)))


@settings(deadline=None)
@given(st.data(), st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_scaled_boxes_are_inside_near_and_distinct(data, width, height, longest_side):
    """Boxes of whole pixels in the shrunk picture, against fractions."""
    sizes = []

    def search(shrunk):
        sizes.append(shrunk.shape[1::-1])
        columns, rows = (st.integers(0, size) for size in sizes[0])
        corners = st.tuples(columns, rows, columns, rows)
        some = data.draw(st.lists(corners, max_size=5, unique=True))
        some = [box for box in some if box[0] < box[2] and box[1] < box[3]]
        boxes.extend([*some, (0, 0, *sizes[0])])
        return np.array(boxes, np.float32)

    boxes = []
    scaled = search_shrunk(
        np.zeros((height, width, 3), np.uint8), search, longest_side=longest_side
    ).astype(int)
    longer = max(width, height)
    assert max(sizes[0]) == min(longest_side, longer)
    exact = [max(Fraction(1), Fraction(side * max(sizes[0]), longer)) for side in (width, height)]
    assert all(abs(a - b) <= Fraction(1, 2) for a, b in zip(sizes[0], exact, strict=True))
    ratios = [Fraction(width, sizes[0][0]), Fraction(height, sizes[0][1])] * 2
    for found, box in zip(scaled.tolist(), boxes, strict=True):
        assert 0 <= found[0] < found[2] <= width and 0 <= found[1] < found[3] <= height
        assert found == [
            floor(value * r + Fraction(1, 2)) for value, r in zip(box, ratios, strict=True)
        ]
    assert scaled[-1].tolist() == [0, 0, width, height]
    assert len(np.unique(scaled, axis=0)) == len(set(boxes))
