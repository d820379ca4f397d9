"""Timing of calls, one by one or in turns, and a description of the machine."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from sppnet.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")


def timed(call: Callable[[], Result], device: torch.device) -> tuple[float, Result]:
    """Seconds that a call takes until the device has finished, and its result."""
    _wait(device)
    start = time.perf_counter()
    result = call()
    _wait(device)
    return time.perf_counter() - start, result


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def take_turns(
    calls: Mapping[str, Callable[[Item], object]],
    items: Sequence[Item],
    *,
    device: torch.device,
    description: str,
) -> dict[str, np.ndarray]:
    """Seconds of every call on every item, taken in turns so that all meet the same conditions.

    The order is the same on every item. If the machine slows down between two calls, and recovers
    between two later ones, the errors then cancel. With the order reversed on every other item,
    neighbouring items would err in the same direction, but intervals take them as independent.

    Args:
        calls: by name, each called with an item.
        items: what all of them are called with, one after the other.
        device: synchronised before the clock is read.
        description: shown with the progress.

    Returns:
        By name, float64 (N,), the seconds of each item.
    """
    seconds = {name: np.zeros(len(items)) for name in calls}
    for index in track(range(len(items)), description):
        for name, call in calls.items():
            seconds[name][index], _ = timed(partial(call, items[index]), device)
    return seconds


def summary(values: np.ndarray) -> dict[str, Any]:
    """Median and single values of times."""
    return {"median": float(np.median(values)), "each": values.tolist()}


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Name of the device, CPU threads and torch version."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__}


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
