"""What the benchmarks share: the clock, pictures to work on, and the file of figures."""

import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from sppnet.data.composition import render_scene
from sppnet.data.settings import Variation
from sppnet.data.shapes import DETECTION_CLASSES
from sppnet.models.clock import describe_machine


def seconds_of(call: Callable[[], Any]) -> float:
    """Wall-clock seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def medians(
    calls: Mapping[Any, Callable[[], Any]], repeats: int, *, warm_up: bool = True
) -> dict[Any, float]:
    """Median seconds of each call; they take turns, so that all meet the same conditions.

    Args:
        calls: by name.
        repeats: timed calls of each.
        warm_up: call each once untimed, because first calls set things up.
    """
    for call in calls.values() if warm_up else ():
        call()
    taken: dict[Any, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            taken[name].append(seconds_of(call))
    return {name: float(np.median(each)) for name, each in taken.items()}


def scene(seed: int) -> np.ndarray:
    """A generated scene of the size of a VOC photograph: uint8 (375, 500, 3) RGB."""
    generator = np.random.default_rng(seed)
    names = [str(name) for name in generator.choice([*DETECTION_CLASSES], 5)]
    sides = (375 * generator.uniform(0.15, 0.7, 5)).tolist()
    return render_scene(
        names,
        size=(375, 500),
        sides=sides,
        cut=[False] * 5,
        variation=Variation(deformation=1, spread=1, clutter=1),
        generator=generator,
    ).image


def find_pictures(folder: Path | None, count: int, scenes: Path) -> list[Path]:
    """`count` pictures of a folder, evenly spaced by name; scenes made in `scenes` without one."""
    if folder is not None:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".png"))
        if len(found) < count:
            sys.exit(
                f"{folder}: {len(found)} pictures; give a folder with {count} or lower the number"
            )
        return [found[index * len(found) // count] for index in range(count)]
    paths = [scenes / f"{number:03d}.png" for number in range(count)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), scene(number)[:, :, ::-1])
    return paths


def write_figures(
    script: str, title: str, tables: Mapping[str, Sequence[Mapping[str, Any]]], notes: Sequence[str]
) -> None:
    """Print tables and write them, with the machine and the command, beside the script.

    Args:
        script: `__file__` of the benchmark.
        title: first line of the file.
        tables: rows by heading; the keys of the first row are the columns.
        notes: sentences that say what was measured.
    """
    machine = describe_machine(torch.device("cpu"))
    # without the folders of this machine
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    # as the workflow sets it for its jobs; it changes the time of large outputs
    memory = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("MALLOC_")]
    command = shlex.join([*memory, "python", f"benchmarks/{Path(script).name}", *words])
    lines = [
        f"# {title}",
        "",
        f"Machine: {machine['device']}, {len(os.sched_getaffinity(0))} cores; torch "
        f"{machine['torch']}, OpenCV {cv2.__version__}, Python {platform.python_version()}. "
        f"Load when it ended: {os.getloadavg()[0]:.1f}. "
        f"Date: {datetime.now(UTC).date()}. Command: `{command}`.",
        "",
        *notes,
    ]
    for heading, rows in tables.items():
        columns = list(rows[0])
        lines += [
            "",
            f"## {heading}",
            "",
            f"| {' | '.join(columns)} |",
            "| --- " * len(columns) + "|",
        ]
        lines += [f"| {' | '.join(_cell(row[name]) for name in columns)} |" for row in rows]
    text = "\n".join(lines) + "\n"
    Path(script).with_suffix(".md").write_text(text)
    print(text, end="")


def _cell(value: Any) -> str:
    """Numbers with four digits that count; text as it is."""
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"
