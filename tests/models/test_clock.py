from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sppnet.models.clock import describe_machine, summary, take_turns, timed

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when it is told to."""
    clock = SimpleNamespace(now=0.0)
    fake = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr("sppnet.models.clock.time", fake)
    return clock


def test_calls_take_turns_in_the_same_order_on_every_item(clock):
    log = []

    def call(name, seconds):
        def work(item):
            log.append(name + item)
            clock.now += seconds * len(log)

        return work

    calls = {"a": call("a", 1.0), "b": call("b", 10.0)}
    taken = take_turns(calls, "xyz", device=CPU, description="")
    assert log == ["ax", "bx", "ay", "by", "az", "bz"]
    assert {name: each.tolist() for name, each in taken.items()} == {
        "a": [1.0, 3.0, 5.0],
        "b": [20.0, 40.0, 60.0],
    }


def test_a_timed_call_gives_its_result(clock):
    def work():
        clock.now += 2.5
        return "done"

    assert timed(work, CPU) == (2.5, "done")


def test_a_summary_has_the_median_and_every_time():
    found = summary(np.array([4.0, 1.0, 2.0, 3.0, 100.0]))
    assert found == {"median": 3.0, "each": [4.0, 1.0, 2.0, 3.0, 100.0]}


def test_the_machine_is_described():
    found = describe_machine(CPU)
    assert found["torch"] == torch.__version__ and found["threads"] == torch.get_num_threads()
    assert found["device"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_clock_waits_for_the_gpu():
    device = torch.device("cuda")
    left = torch.rand(8192, 8192, device=device)
    left @ left
    seconds, _ = timed(lambda: left @ left, device)
    assert seconds > 2e-3  # the launch alone takes microseconds
    assert torch.cuda.get_device_name(device) == describe_machine(device)["device"]
