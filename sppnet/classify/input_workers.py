"""Network inputs cropped in worker processes; the number of workers does not change them."""

import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from sppnet.data.images import resize
from sppnet.errors import SppnetError
from sppnet.geometry.views import five_positions

BATCHES_AHEAD = 4  # per worker


@dataclass(frozen=True)
class Plan:
    """All random choices for a batch; cropping is then deterministic.

    Attributes:
        rows: index of each image.
        positions: position of each crop, 0 to 4: centre and corners as in `five_positions`.
        flips: 1 for each crop that is mirrored, else 0.
        size: side of the network input in pixels.
        strengths: float32 `(B, 3)`, strength of the alteration of each colour component.
    """

    # No tensors: each would be sent to a worker as a separate file.
    rows: list[int]
    positions: list[int]
    flips: list[int]
    size: int
    strengths: np.ndarray

    def share(self, part: int, parts: int) -> "Plan":
        """The part of the plan for process `part` of `parts`: every `parts`-th image."""
        selected = slice(part, None, parts)
        rows, positions, flips = self.rows[selected], self.positions[selected], self.flips[selected]
        return Plan(rows, positions, flips, self.size, self.strengths[selected])


def cut(images: Sequence[np.ndarray], crop: int, plan: Plan) -> np.ndarray:
    """Crop the regions of a plan and resize them to the network input.

    Args:
        images: uint8 `(H, W, 3)` RGB, no side shorter than `crop`.
        crop: side of the regions, pixels.
        plan: regions to crop.

    Returns:
        uint8 `(B, size, size, 3)`, RGB.

    Source: paper §2.3; paper §3.1.
    """
    crops = np.empty((len(plan.rows), plan.size, plan.size, 3), np.uint8)
    chosen = zip(plan.rows, plan.positions, plan.flips, strict=True)
    for number, (row, position, flip) in enumerate(chosen):
        image = images[row]
        x1, y1, x2, y2 = five_positions(image.shape[0], image.shape[1], crop)[position].tolist()
        window = resize(image[y1:y2, x1:x2], plan.size, plan.size)
        # Eight times as fast as numpy's reversed view.
        crops[number] = cv2.flip(window, 1) if flip else window
    return crops


class _CropDataset(Dataset[Any]):
    """Crops by plan; errors are returned as values, so that the main process can raise them."""

    def __init__(self, images: Sequence[np.ndarray], crop: int) -> None:
        self.images, self.crop = images, crop

    def __getitem__(self, plan: Plan) -> torch.Tensor | SppnetError:
        try:
            return torch.from_numpy(cut(self.images, self.crop, plan))
        except SppnetError as error:
            return error


def cut_all(
    images: Sequence[np.ndarray], crop: int, plans: Iterator[Plan], *, workers: int
) -> Iterator[tuple[Plan, np.ndarray]]:
    """Crop the regions of all plans (see `cut`), in order.

    Args:
        images: uint8 `(H, W, 3)` RGB, no side shorter than `crop`.
        crop: side of the regions, pixels.
        plans: plans of the batches, drawn a few batches ahead.
        workers: number of processes; 0 crops in the main process.

    Raises:
        SppnetError: an image cannot be decoded, or a worker died.
    """
    if workers == 0:
        yield from ((plan, cut(images, crop, plan)) for plan in plans)
        return
    plans, sampled = tee(plans)
    loader = DataLoader(
        _CropDataset(images, crop),
        batch_size=None,
        sampler=_PlanSampler(sampled),
        num_workers=workers,
        prefetch_factor=BATCHES_AHEAD,
        # Forked processes share the images in memory instead of copying them.
        multiprocessing_context="fork",
        # A separate generator leaves the global one, which dropout uses, unchanged.
        generator=torch.Generator(),
    )
    threads = cv2.getNumThreads()
    # Set before the fork: threads do not survive it, and a worker that set their number would
    # wait for them forever.
    cv2.setNumThreads(1)
    try:
        for plan, crops in zip(plans, _without_signal_handler(loader), strict=True):
            if isinstance(crops, SppnetError):
                raise crops
            yield plan, crops.numpy()
    # The last two errors occur if a worker dies after sending a batch, before sharing its memory.
    except (RuntimeError, EOFError, ConnectionError) as error:
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        raise SppnetError(
            f"--workers {workers}: a process died, perhaps for lack of memory; use fewer"
        ) from error
    finally:
        cv2.setNumThreads(threads)


def _without_signal_handler(loader: DataLoader[Any]) -> Iterator[Any]:
    """The batches of the loader, without the handler of torch for signals of dead workers.

    The handler raises wherever the main thread is at that moment, mostly in a training step.
    Without it, the loader notices a dead worker when it next waits for a batch.
    """
    handler = signal.getsignal(signal.SIGCHLD)
    batches = iter(loader)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, handler)
    return batches


class _PlanSampler:
    """An iterator of plans, used as a sampler."""

    def __init__(self, plans: Iterator[Plan]) -> None:
        self.plans = plans

    def __iter__(self) -> Iterator[Plan]:
        return self.plans
