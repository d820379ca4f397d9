from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sppnet.detect.sampling import (
    batch_rows,
    chunk_images,
    chunk_iterations,
    chunk_schedule,
    hold_out,
)
from sppnet.detect.settings import FineTuning, Sampling
from sppnet.errors import SppnetError
from sppnet.models.schedule import Schedule

SETTINGS = {
    "batch": 8,
    "positive_fraction": 0.25,
    "positive_iou": 0.5,
    "images_per_chunk": 4,
    "windows_per_image": 16,
    "holdout": 0.25,
    "holdout_windows": 100,
    "seed": 0,
}


def sampling(**changes):
    return Sampling(**SETTINGS | changes)


def schedule(**changes):
    learning = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4, "warmup": 3}
    return chunk_schedule(
        FineTuning(**SETTINGS | learning | {"classifier_std": 0.01, "dropout": 0.5} | changes)
    )


def batches(labels, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    return [
        rows.tolist() for rows in batch_rows(torch.tensor(labels), sampling(**changes), generator)
    ]


def test_chunk_uses_each_box_about_once():
    assert chunk_iterations(sampling()) == 8
    assert chunk_iterations(sampling(images_per_chunk=1, windows_per_image=2)) == 1


def test_iterations_round_up_to_whole_chunks():
    assert [schedule(iterations=count).epochs for count in (1, 8, 9, 16, 17)] == [1, 1, 2, 2, 3]


def test_a_schedule_of_iterations_counts_chunks():
    assert schedule(iterations=33, milestones=(8, 9, 20)) == Schedule(
        learning_rate=0.1, milestones=(1, 2, 3), epochs=5, momentum=0.9, weight_decay=5e-4, warmup=3
    )


@given(st.integers(2, 60), st.floats(0.01, 0.9), st.integers(0, 5))
def test_held_out_images_and_the_others_share_nothing(count, fraction, seed):
    if round(count * fraction) >= count:
        return
    train, held = hold_out(list(range(count)), fraction, seed)
    assert sorted(train + held) == list(range(count))
    assert len(held) == max(1, round(count * fraction))
    assert hold_out(list(range(count)), fraction, seed) == (train, held)


def test_a_share_of_zero_holds_out_nothing():
    train, held = hold_out(list(range(5)), 0.0, 0)
    assert sorted(train) == list(range(5)) and held == []


def test_held_out_images_depend_on_the_seed():
    assert hold_out(list(range(50)), 0.2, 0) != hold_out(list(range(50)), 0.2, 1)


@pytest.mark.parametrize(("count", "fraction"), [(1, 0.1), (10, 1.0), (0, 0.5), (0, 0.0)])
def test_holding_out_everything_is_refused(count, fraction):
    with pytest.raises(SppnetError, match="--holdout"):
        hold_out(list(range(count)), fraction, 0)


def test_chunks_run_through_all_images_before_any_comes_again():
    entries = [image for chunk in range(5) for image in chunk_images(range(10), chunk, 4, seed=3)]
    assert sorted(entries[:10]) == sorted(entries[10:]) == list(range(10))
    assert entries[:10] != entries[10:]
    assert (
        entries[:10] != [i for chunk in range(5) for i in chunk_images(range(10), chunk, 4, 4)][:10]
    )


def test_chunk_larger_than_the_set_takes_images_again():
    assert Counter(chunk_images(range(3), 0, 6, seed=0)) == dict.fromkeys(range(3), 2)


def test_batches_are_a_quarter_foreground_and_use_all_once():
    labels = [1, 2] * 8 + [0] * 48
    found = batches(labels)
    assert len(found) == 8
    assert all(sum(labels[row] > 0 for row in rows) == 2 for rows in found)
    assert Counter(row for rows in found for row in rows) == dict.fromkeys(range(64), 1)


def test_scarce_foreground_is_repeated_evenly():
    labels = [1] * 4 + [0] * 60
    found = batches(labels)
    assert all(sum(labels[row] > 0 for row in rows) == 2 for rows in found)
    counts = Counter(row for rows in found for row in rows)
    assert [counts[row] for row in range(4)] == [4] * 4


@pytest.mark.parametrize("label", [0, 1])
def test_one_kind_fills_the_batch_when_the_other_is_lacking(label):
    assert [len(rows) for rows in batches([label] * 20)] == [8] * 8


def test_order_depends_on_the_generator():
    labels = [1] * 16 + [0] * 48
    assert batches(labels) == batches(labels) != batches(labels, seed=1)
