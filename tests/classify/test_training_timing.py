from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny import tiny_network

from sppnet.classify.training_crops import TrainingCrops
from sppnet.classify.training_timing import TimedTraining, time_training
from sppnet.models import training
from sppnet.models.settings import Crops, Sizes
from sppnet.models.training import Schedule

SCHEDULE = Schedule(
    learning_rate=0.01, milestones=(), epochs=1, momentum=0.9, weight_decay=0.0005, warmup=0
)


def variant(sizes, batches=2):
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (72, 80, 3), np.uint8) for _ in range(20)]
    network = tiny_network()
    crops = TrainingCrops(
        images,
        torch.arange(20) % 2,
        network.architecture,
        crops=Crops(resize=72, crop=64, batch=4, colour=0.1),
        sizes=Sizes(sizes=sizes, size_choice="alternate"),
        images_per_epoch=4 * batches,
        workers=0,
    )
    return TimedTraining(network, crops)


@pytest.fixture
def steps(monkeypatch):
    """Networks and sizes of all steps, on a clock on which one takes (side / 64)**2 seconds."""
    state = SimpleNamespace(now=0.0, log=[])
    fake = SimpleNamespace(perf_counter=lambda: state.now)
    monkeypatch.setattr("sppnet.models.clock.time", fake)
    step = training._step

    def counted(run, inputs, labels):
        state.log.append((run.module, inputs.shape[-1]))
        state.now += (inputs.shape[-1] / 64) ** 2
        return step(run, inputs, labels)

    monkeypatch.setattr(training, "_step", counted)
    return state


def measure(trainings, turns=3):
    return time_training(
        trainings,
        schedule=SCHEDULE,
        seed=1,
        precision="full",
        turns=turns,
        device=torch.device("cpu"),
    )


def test_blocks_of_equal_work_take_turns(steps):
    trainings = {"one": variant([64]), "two": variant([64, 56])}
    found = measure(trainings)
    one, two = (each.network for each in trainings.values())
    block = [(one, 64)] * 4 + [(two, 64)] * 2 + [(two, 56)] * 2
    assert steps.log == 4 * block  # the first is not timed
    assert found["one"].tolist() == pytest.approx([1 / 4] * 3)
    assert found["two"].tolist() == pytest.approx([(1 + (56 / 64) ** 2) / 8] * 3)


def test_every_size_of_each_is_equally_often_in_a_block(steps):
    measure({"two": variant([64, 56], 1), "three": variant([64, 60, 56], 1)}, turns=1)
    block = [64, 56] * 3 + [64, 60, 56] * 2
    assert [size for _, size in steps.log] == 2 * block


def test_networks_learn_while_they_are_timed():
    timed, untouched = variant([64]), variant([64])
    found = measure({"one": timed, "same": variant([64])}, turns=2)
    assert all((each > 0).all() and each.shape == (2,) for each in found.values())
    assert not torch.equal(timed.network.fc8.weight, untouched.network.fc8.weight)
