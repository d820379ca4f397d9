"""Network inputs cut in worker processes, with the same bytes whatever their number."""

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

BATCHES_AHEAD = 4  # of each worker


@dataclass(frozen=True)
class Plan:
    """All that chance decides about a batch; cutting it out is then without chance.

    Attributes:
        rows: number of each image.
        positions: of each, 0 to 4: centre and corners as in `five_positions`.
        flips: of each, 1 for its mirror image.
        size: side in pixels of the network's input.
        strengths: float32 `(B, 3)`, how much each colour component is altered.
    """

    # No tensors: each would travel to a worker as a file of its own.
    rows: list[int]
    positions: list[int]
    flips: list[int]
    size: int
    strengths: np.ndarray

    def share(self, part: int, parts: int) -> "Plan":
        """What process `part` of `parts` cuts: every `parts`-th image."""
        own = slice(part, None, parts)
        rows, positions, flips = self.rows[own], self.positions[own], self.flips[own]
        return Plan(rows, positions, flips, self.size, self.strengths[own])


def cut(images: Sequence[np.ndarray], crop: int, plan: Plan) -> np.ndarray:
    """The regions of a plan at the size of the network's input.

    Args:
        images: uint8 `(H, W, 3)` RGB, no side shorter than `crop`.
        crop: side of the regions, pixels.
        plan: which regions.

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


class _Cuts(Dataset[Any]):
    """What a worker does with a plan; an error comes back as a value, to be raised as it is."""

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
    """Each plan with its regions (see `cut`), in order.

    Args:
        images: uint8 `(H, W, 3)` RGB, no side shorter than `crop`.
        crop: side of the regions, pixels.
        plans: drawn a few batches ahead.
        workers: processes; 0 works in this one.

    Raises:
        SppnetError: an image cannot be decoded, or a worker died.
    """
    if workers == 0:
        yield from ((plan, cut(images, crop, plan)) for plan in plans)
        return
    plans, ahead = tee(plans)
    loader = DataLoader(
        _Cuts(images, crop),
        batch_size=None,
        sampler=_Once(ahead),
        num_workers=workers,
        prefetch_factor=BATCHES_AHEAD,
        # Forked, so that images in memory are shared and not copied.
        multiprocessing_context="fork",
        # A generator of its own: the global one, which dropout draws from, must not notice.
        generator=torch.Generator(),
    )
    threads = cv2.getNumThreads()
    # Here, since threads do not survive the fork: a worker that set their number would wait for
    # them for ever.
    cv2.setNumThreads(1)
    try:
        for plan, crops in zip(plans, _quietly_begun(loader), strict=True):
            if isinstance(crops, SppnetError):
                raise crops
            yield plan, crops.numpy()
    # The last two where it dies between sending a batch and handing over its memory.
    except (RuntimeError, EOFError, ConnectionError) as error:
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        raise SppnetError(
            f"--workers {workers}: a process died, perhaps for want of memory; use fewer"
        ) from error
    finally:
        cv2.setNumThreads(threads)


def _quietly_begun(loader: DataLoader[Any]) -> Iterator[Any]:
    """The loader's batches, without the handler that torch sets for signals of dead workers.

    It raises wherever the main thread is at that moment, mostly in a step of the training. Without
    it the loader notices by itself, when it next waits for a batch.
    """
    before = signal.getsignal(signal.SIGCHLD)
    batches = iter(loader)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, before)
    return batches


class _Once:
    """An iterator in the place of a sampler."""

    def __init__(self, plans: Iterator[Plan]) -> None:
        self.plans = plans

    def __iter__(self) -> Iterator[Plan]:
        return self.plans
