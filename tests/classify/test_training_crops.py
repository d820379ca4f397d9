"""Training batches: which region, at which size, in which epoch."""

import os
import time

import cv2
import numpy as np
import pytest
import torch

from sppnet.classify import input_workers, training_crops
from sppnet.classify.training_crops import TrainingCrops, colour_components
from sppnet.data.images import resize
from sppnet.errors import SppnetError
from sppnet.geometry.views import five_positions
from sppnet.models.network import Architecture
from sppnet.models.preprocessing import normalise
from sppnet.models.settings import Crops, Sizes

ARCHITECTURE = Architecture(
    backbone="zf5",
    width=0.1,
    levels=(1,),
    fc=4,
    classes=("a", "b"),
    mean=(100.0, 110.0, 120.0),
    std=50.0,
    channel_order="BGR",
)
SIDES = ((20, 24), (31, 20), (20, 20), (20, 45), (26, 22))


def pictures():
    random = np.random.default_rng(7)
    return [random.integers(0, 256, (*side, 3), dtype=np.uint8) for side in SIDES]


def crops(
    images=None,
    *,
    crop=16,
    batch=2,
    colour=0.0,
    sizes=(16,),
    size_choice="alternate",
    images_per_epoch=None,
    workers=0,
):
    images = images or pictures()
    return TrainingCrops(
        images,
        torch.arange(len(images)),
        ARCHITECTURE,
        crops=Crops(resize=crop, crop=crop, batch=batch, colour=colour),
        sizes=Sizes(sizes=sizes, size_choice=size_choice),
        images_per_epoch=images_per_epoch,
        workers=workers,
    )


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def epochs(given, count, seed=3):
    """Inputs and labels of some epochs that share a generator, as in training."""
    source = generator(seed)
    return [list(given(epoch, source)) for epoch in range(count)]


def views(image, crop, size):
    """The ten regions of an image at the size of the network's input."""
    found = []
    for x1, y1, x2, y2 in five_positions(*image.shape[:2], crop).tolist():
        view = resize(np.ascontiguousarray(image[y1:y2, x1:x2]), size, size)
        found += [view, view[:, ::-1]]
    return np.stack(found)


def test_one_size_draws_and_computes_as_written_down():
    """The order of the draws is fixed: results of one size stay what they are."""
    images = pictures()
    batches = list(crops(images, colour=0.2)(0, generator()))
    source = generator()
    order = torch.randperm(5, generator=source)
    components = colour_components(images)
    assert len(batches) == 2  # the fifth image is dropped
    for (inputs, labels), rows in zip(batches, order[:4].split(2), strict=True):
        positions = torch.randint(5, (2,), generator=source).tolist()
        flips = torch.randint(2, (2,), generator=source).tolist()
        shift = (0.2 * torch.randn(2, 3, generator=source)) @ components.T
        expected = []
        for row, position, flip in zip(rows.tolist(), positions, flips, strict=True):
            x1, y1, x2, y2 = five_positions(*images[row].shape[:2], 16)[position].tolist()
            view = images[row][y1:y2, x1:x2]
            expected.append(view[:, ::-1] if flip else view)
        assert torch.equal(labels, rows)
        assert torch.equal(
            inputs, normalise(torch.from_numpy(np.stack(expected)), ARCHITECTURE, shift=shift)
        )


@pytest.mark.parametrize("size", [16, 11, 23])
def test_inputs_are_the_crop_regions_resized(size):
    """Not smaller crops: each input is one of the ten regions of side `crop` at another size."""
    images = pictures()
    for inputs, labels in crops(images, sizes=[size])(0, generator()):
        assert inputs.shape[2:] == (size, size)
        for given, label in zip(inputs, labels.tolist(), strict=True):
            regions = normalise(torch.from_numpy(views(images[label], 16, size)), ARCHITECTURE)
            assert (regions == given).flatten(1).all(dim=1).any()


def test_sizes_alternate_between_epochs():
    given = crops(sizes=[16, 12])
    seen = []
    for batches in epochs(given, 4):
        seen.append({inputs.shape[2] for inputs, _ in batches})
    assert seen == [{16}, {12}, {16}, {12}]
    assert given.size == 12


def test_sizes_change_nothing_else():
    """Images, positions and flips are those of training at one size."""
    both = epochs(crops(sizes=[16, 12]), 3)
    one = epochs(crops(sizes=[16]), 3)
    for epoch in (0, 2):
        for (inputs, labels), (others, other_labels) in zip(both[epoch], one[epoch], strict=True):
            assert torch.equal(inputs, others) and torch.equal(labels, other_labels)


def test_random_sizes_cover_the_range_once_an_epoch():
    seen = []
    for batches in epochs(crops(sizes=[12, 15], size_choice="random"), 60):
        sizes = {inputs.shape[2] for inputs, _ in batches}
        assert len(sizes) == 1
        seen += sizes
    assert set(seen) == {12, 13, 14, 15}
    assert seen != [12 + number % 4 for number in range(60)]


def test_random_sizes_come_from_the_generator():
    """A run that continues in a later epoch draws what the whole run drew."""
    given = crops(sizes=[12, 16], size_choice="random")
    source = generator()
    list(given(0, source))
    state = source.get_state()
    whole = list(given(1, source))
    again = torch.Generator()
    again.set_state(state)
    continued = list(crops(sizes=[12, 16], size_choice="random")(1, again))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(whole, continued, strict=True))


def test_an_epoch_takes_as_many_images_as_asked():
    (batches,) = epochs(crops(batch=1, images_per_epoch=3), 1)
    labels = torch.cat([labels for _, labels in batches])
    assert len(labels) == len(labels.unique()) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_change_no_byte(workers):
    settings = {"sizes": [12, 16], "size_choice": "random", "colour": 0.2}
    for alone, shared in zip(
        epochs(crops(**settings), 3), epochs(crops(workers=workers, **settings), 3), strict=True
    ):
        assert len(alone) == len(shared) == 2
        for (inputs, labels), (others, other_labels) in zip(alone, shared, strict=True):
            assert torch.equal(inputs, others) and torch.equal(labels, other_labels)


def test_worker_processes_leave_the_global_generator_alone():
    """Dropout draws from it."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    epochs(crops(workers=2), 2)
    assert torch.equal(before, torch.get_rng_state())


class Failing(list):
    """Pictures of which the third cannot be read."""

    def __init__(self, images, failure):
        super().__init__(images)
        self.failure = failure
        self.broken = False

    def __getitem__(self, index):
        if self.broken and index == 2:
            self.failure()
        return super().__getitem__(index)


def unreadable():
    raise SppnetError("third: broken in the store; store the images again")


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_named_in_one_line(workers):
    images = Failing(pictures(), unreadable)
    given = crops(images, batch=1, workers=workers)
    images.broken = True
    with pytest.raises(SppnetError) as error:
        epochs(given, 1)
    assert str(error.value) == "third: broken in the store; store the images again"


def test_a_dead_worker_is_one_line():
    images = Failing(pictures(), lambda: os._exit(1))
    given = crops(images, batch=1, workers=2)
    images.broken = True
    with pytest.raises(SppnetError, match=r"--workers 2: a process died"):
        epochs(given, 1)


@pytest.mark.parametrize("broken", [EOFError, ConnectionResetError, ConnectionRefusedError])
def test_a_worker_that_dies_before_its_batch_is_fetched_is_one_line(monkeypatch, broken):
    def dying(loader):
        raise broken
        yield

    monkeypatch.setattr(input_workers, "_without_signal_handler", dying)
    with pytest.raises(SppnetError, match=r"--workers 2: a process died"):
        epochs(crops(pictures(), batch=1, workers=2), 1)


def test_a_worker_that_dies_while_the_network_learns_is_one_line():
    images = Failing(pictures(), lambda: (time.sleep(0.3), os._exit(1)))
    given = crops(images, batch=1, workers=2)
    images.broken = True
    with pytest.raises(SppnetError, match=r"--workers 2: a process died"):
        for _ in given(0, torch.Generator().manual_seed(3)):
            time.sleep(0.5)


def test_workers_start_after_opencv_has_used_threads():
    """Its threads are gone in a forked process, which waits for ever once it sets their number."""
    large = np.zeros((3000, 3000, 3), np.uint8)
    resize(large, 2000, 2000)
    threads = cv2.getNumThreads()
    found = epochs(crops([large], crop=2500, sizes=[1500], batch=1, workers=1), 3)
    assert [len(batches) for batches in found] == [1, 1, 1] and cv2.getNumThreads() == threads


def test_shares_of_processes_make_up_the_batch(monkeypatch):
    whole = epochs(crops(batch=4, colour=0.2), 2)
    shares = []
    for number in range(2):
        monkeypatch.setattr(training_crops, "process_count", lambda: 2)
        monkeypatch.setattr(training_crops, "process_number", lambda number=number: number)
        shares.append(epochs(crops(batch=4, colour=0.2), 2))
    for epoch in range(2):
        for (inputs, labels), first, second in zip(
            whole[epoch], shares[0][epoch], shares[1][epoch], strict=True
        ):
            assert len(first[1]) == len(second[1]) == 2
            assert torch.equal(torch.stack([first[1], second[1]], 1).flatten(), labels)
            together = torch.stack([first[0], second[0]], 1).flatten(0, 1)
            torch.testing.assert_close(together, inputs)
