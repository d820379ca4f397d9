"""Two processes that train together equal one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from sppnet.models.processes import from_first, joined_processes, process_count, process_number
from sppnet.models.training import Schedule, fit
from sppnet.models.weights import load_tensors, save_tensors

SCHEDULE = Schedule(
    learning_rate=0.1, milestones=(2,), epochs=4, momentum=0.9, weight_decay=1e-3, warmup=3
)


def network():
    """Without dropout, whose masks differ between processes."""
    generator = torch.Generator().manual_seed(2)
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3))
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(0, 0.2, generator=generator)
    return module


def batches(epoch, generator):
    """Three batches of eight; each process takes every second image."""
    for _ in range(3):
        labels = torch.randint(3, (8,), generator=generator)
        inputs = torch.randn(8, 3, 6, 6, generator=generator)
        inputs[torch.arange(8), labels] += 1
        own = slice(process_number(), None, process_count())
        yield inputs[own], labels[own]


def train(folder: Path):
    """Train, in as many processes as there are; each writes what it ends with."""
    restart, module = folder / "restart", network()
    restart.mkdir(parents=True, exist_ok=True)
    errors = iter([0.5, 0.4, 0.6, 0.7])

    def validate(module):
        assert process_number() == 0, "only the first validates"
        return {"validation_error": next(errors)}

    settings = {"schedule": SCHEDULE, "seed": 1, "restart": restart}
    rows = fit(module, batches, validate, select="validation_error", **settings)
    told = {"rows": json.dumps(rows), "shared": from_first(f"by {process_number()}")}
    save_tensors(folder / f"{process_number()}.safetensors", module.state_dict(), told)


def start(folder: Path):
    """Two processes, told of each other as torchrun does."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}
    running = []
    for rank in ("0", "1"):
        place = {"WORLD_SIZE": "2", "RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"}
        words = [sys.executable, __file__, str(folder)]
        running.append(subprocess.Popen(words, env=os.environ | address | place))
    assert [process.wait() for process in running] == [0, 0]


def test_two_processes_equal_one(tmp_path):
    train(tmp_path / "one")
    start(tmp_path / "two")
    one, said = load_tensors(tmp_path / "one/0.safetensors")
    shares = [load_tensors(tmp_path / f"two/{number}.safetensors") for number in range(2)]
    for weights, metadata in shares:
        torch.testing.assert_close(weights, one)
        assert metadata["shared"] == "by 0"
        for row, wanted in zip(json.loads(metadata["rows"]), json.loads(said["rows"]), strict=True):
            del row["images_per_second"], wanted["images_per_second"]
            assert row == pytest.approx(wanted, rel=1e-5)
    assert all(torch.equal(shares[0][0][name], shares[1][0][name]) for name in one)
    # one process continues what two have begun
    settings = {"schedule": SCHEDULE, "seed": 1, "restart": tmp_path / "two/restart"}
    assert len(fit(network(), None, None, select=None, **settings)) == 4


def test_a_lone_process_is_the_first():
    with joined_processes():
        assert (process_count(), process_number(), from_first([1])) == (1, 0, [1])


if __name__ == "__main__":
    with joined_processes():
        train(Path(sys.argv[1]))
