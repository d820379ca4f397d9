"""Processes that train one network together, as torchrun starts them: one for each GPU."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

# The first process validates, and writes, while the others wait.
PATIENCE = timedelta(hours=6)


@contextmanager
def joined_processes() -> Iterator[None]:
    """Join the processes that torchrun started with this one, if it did; leave them at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("cpu:gloo,cuda:nccl", timeout=PATIENCE)
    else:
        distributed.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def process_count() -> int:
    """Number of processes that train together; 1 for a single one."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def process_number() -> int:
    """Rank of this process; the first, 0, writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def averaging_gradients(module: nn.Module) -> nn.Module:
    """The module, with its gradients averaged over the processes in each backward pass."""
    if process_count() == 1:
        return module
    device = next(module.parameters()).device
    return DistributedDataParallel(module, device_ids=[device] if device.type == "cuda" else None)


def summed(values: Tensor) -> Tensor:
    """The tensor, summed over the processes in place."""
    if process_count() > 1:
        distributed.all_reduce(values)
    return values


def from_first(value: Any) -> Any:
    """The first process's value, of JSON types; those of the others are ignored."""
    if process_count() == 1:
        return value
    text = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
    length = torch.tensor(len(text))
    distributed.broadcast(length, 0)
    if process_number() > 0:
        text = torch.empty(int(length), dtype=torch.uint8)
    distributed.broadcast(text, 0)
    return json.loads(bytes(text.tolist()))


def wait_for_first() -> None:
    """Wait until the first process gets here, and with it all that it wrote before."""
    from_first(None)
