"""Gradient descent with checkpoints: a resumed run equals an uninterrupted one."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.models.processes import (
    averaging_gradients,
    from_first,
    process_number,
    summed,
    wait_for_first,
)

# Re-exported, because callers of `fit` need both.
from sppnet.models.schedule import Schedule as Schedule
from sppnet.models.weights import load_tensors, save_tensors
from sppnet.progress import track

EpochBatches = Callable[[int, torch.Generator], Iterator[tuple[Tensor, Tensor]]]
Validate = Callable[[nn.Module], dict[str, float]]
History = list[dict[str, float]]
Precision = Literal["full", "mixed"]
WATCHED = "held_out_error"  # a plateau of this error reduces the learning rate


@dataclass
class _Run:
    """A training run, which can be saved between two epochs."""

    module: nn.Module
    schedule: Schedule
    generator: torch.Generator
    precision: Precision
    step: int = 0
    history: History = field(default_factory=list)

    def __post_init__(self) -> None:
        self.weights = {n: w for n, w in self.module.named_parameters() if w.requires_grad}
        groups = [
            {"params": [weight], "bias": name.endswith("bias")}
            for name, weight in self.weights.items()
        ]
        self.optimizer = _optimizer(groups, self.schedule)
        self.parallel = averaging_gradients(self.module)

    def set_rate(self, epoch: int) -> float:
        watched = [] if self.schedule.plateau is None else [row[WATCHED] for row in self.history]
        rate = self.schedule.rate(epoch, self.step, watched)
        for group in self.optimizer.param_groups:
            group["lr"] = 2 * rate if group["bias"] else rate
            group["weight_decay"] = 0.0 if group["bias"] else self.schedule.weight_decay
        return rate

    def values(self) -> dict[str, Tensor]:
        """All that training changes in the module."""
        return {**self.weights, **dict(self.module.named_buffers())}

    def save(self, restart: Path) -> None:
        if process_number() > 0:
            return
        tensors = {f"value/{name}": tensor for name, tensor in self.values().items()}
        for name, weight in self.weights.items():
            for key, value in self.optimizer.state[weight].items():
                if value is not None:
                    tensors[f"optimizer/{key}/{name}"] = value
        tensors["generator"] = self.generator.get_state()
        progress = json.dumps({"step": self.step, "history": self.history})
        save_tensors(restart / "checkpoint.safetensors", tensors, {"progress": progress})

    def resume(self, restart: Path) -> None:
        path = restart / "checkpoint.safetensors"
        if not path.exists():
            return
        tensors, metadata = load_tensors(path)
        try:
            self._continue_from(tensors, json.loads(metadata["progress"]))
        except (KeyError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise SppnetError(
                f"{path}: not a checkpoint of this training ({reason}); delete it to start anew"
            ) from error

    def _continue_from(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        self.copy_values(tensors)
        for full_name, tensor in tensors.items():
            if full_name.startswith("optimizer/"):
                _, key, name = full_name.split("/", 2)
                weight = self.weights[name]
                # The count of steps stays on the CPU; moments have the layout of their weight.
                value = tensor.clone()
                if tensor.shape == weight.shape:
                    value = torch.empty_like(weight, requires_grad=False).copy_(tensor)
                self.optimizer.state[weight][key] = value
        self.generator.set_state(tensors["generator"])
        self.step, self.history = progress["step"], progress["history"]

    def save_best(self, restart: Path) -> None:
        if process_number() > 0:
            return
        tensors = {f"value/{name}": tensor for name, tensor in self.values().items()}
        save_tensors(restart / "best.safetensors", tensors, {})

    def copy_values(self, tensors: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in self.values().items():
                tensor.copy_(tensors[f"value/{name}"])


def _optimizer(groups: list[dict[str, Any]], schedule: Schedule) -> torch.optim.Optimizer:
    """The optimiser; rates and weight decay are set before every step."""
    if schedule.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=0.0, betas=(schedule.momentum, 0.999))
    return torch.optim.SGD(groups, lr=0.0, momentum=schedule.momentum)


def fit(
    module: nn.Module,
    epoch_batches: EpochBatches,
    validate: Validate,
    *,
    schedule: Schedule,
    seed: int,
    restart: Path,
    select: str | None,
    precision: Precision = "full",
) -> History:
    """Train a classifier in place by cross-entropy; it ends in evaluation mode.

    Momentum is PyTorch's: after a reduction of the rate, past gradients count at the new rate
    (in Caffe, at the old one).

    Where several processes train together (see `processes`), each calls this with its share of
    every batch, all shares of one size; the first validates and writes.

    Args:
        module: maps inputs to logits; parameters without `requires_grad` are not changed.
        epoch_batches: called with the 0-based epoch and a generator; yields inputs and int64
            labels. All its random choices must come from that generator.
        validate: called after each epoch with the module in evaluation mode.
        schedule: learning rate and length; where it has a plateau, `validate` returns
            "held_out_error" too, on images used neither for training nor for testing.
        seed: of dropout and of the generator given to `epoch_batches`.
        restart: folder for checkpoints; a killed run continues after its last epoch, and a finished
            one returns at once.
        select: a key of what `validate` returns: the module ends as it was after the (first) epoch
            with the lowest value. None: as it was after the last epoch.
        precision: "full" computes in 32 bits; "mixed" convolves and multiplies in bfloat16, with
            weights, their updates and the loss in 32 bits.

    Returns:
        One row per epoch: epoch (from 1), lr, train_loss, train_error, what `validate` returned,
        images_per_second (of training).

    Raises:
        SppnetError: the loss is no longer a number, or an epoch has no batch.
    """
    run = _Run(module, schedule, torch.Generator().manual_seed(seed), precision)
    run.resume(restart)

    def batches_with_progress(
        epoch: int, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        batches = epoch_batches(epoch, generator)
        first = process_number() == 0
        return track(batches, f"epoch {epoch + 1}/{schedule.epochs}") if first else batches

    for epoch in range(len(run.history), schedule.epochs):
        row = _train_epoch(run, epoch, batches_with_progress)
        module.eval()
        measured = validate(module) if process_number() == 0 else {}
        run.history.append(row | from_first({name: float(measured[name]) for name in measured}))
        if select is not None and _lowest(run.history, select) == epoch:
            run.save_best(restart)
        run.save(restart)
    if select is not None:
        wait_for_first()
        run.copy_values(load_tensors(restart / "best.safetensors")[0])
    module.eval()
    return run.history


def train_epochs(
    module: nn.Module,
    epoch_batches: EpochBatches,
    *,
    schedule: Schedule,
    seed: int,
    precision: Precision = "full",
) -> Iterator[dict[str, float]]:
    """Endless epochs of `fit`, to measure their time: none is validated or saved.

    Args:
        module: as for `fit`, trained in place; it stays in training mode.
        epoch_batches: as for `fit`.
        schedule: learning rate.
        seed: as for `fit`.
        precision: as for `fit`.

    Yields:
        A row per epoch as `fit` returns it, without results of validation.

    Raises:
        SppnetError: as `fit`.
    """
    run = _Run(module, schedule, torch.Generator().manual_seed(seed), precision)
    for epoch in count():
        yield _train_epoch(run, epoch, epoch_batches)


def _lowest(history: History, key: str) -> int:
    return min(range(len(history)), key=lambda index: history[index][key])


def _train_epoch(run: _Run, epoch: int, epoch_batches: EpochBatches) -> dict[str, float]:
    devices = list(range(torch.cuda.device_count()))
    # Dropout draws from torch's global generators: seed them for the epoch, then put them back.
    with torch.random.fork_rng(devices=devices):
        dropout_seed = int(torch.randint(2**62, (1,), generator=run.generator))
        torch.manual_seed(dropout_seed + process_number())
        return _train_on(run, epoch, epoch_batches(epoch, run.generator))


def _train_on(run: _Run, epoch: int, batches: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
    device = next(iter(run.weights.values())).device
    run.parallel.train()
    start, images, rate = time.perf_counter(), 0, 0.0
    # Sums of loss and errors stay on the device: reading them would stall the GPU in each
    # iteration.
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    for inputs, labels in batches:
        rate = run.set_rate(epoch)
        sums += _step(run, inputs.to(device), labels.to(device))
        images += len(labels)
    loss, errors = summed(sums).tolist()
    images = int(summed(torch.tensor(images)))
    if not images:
        raise SppnetError("training: an epoch has no batch; give more images or a smaller batch")
    if not math.isfinite(loss / images):
        raise SppnetError(
            f"training: the loss is {loss / images} in epoch {epoch + 1}; lower the learning rate "
            "or lengthen the warm-up"
        )
    return {
        "epoch": epoch + 1,
        "lr": rate,
        "train_loss": loss / images,
        "train_error": errors / images,
        "images_per_second": images / (time.perf_counter() - start),
    }


def _step(run: _Run, inputs: Tensor, labels: Tensor) -> Tensor:
    """One iteration; float64 sums of the loss and of the errors of the batch."""
    with torch.autocast(inputs.device.type, torch.bfloat16, run.precision == "mixed"):
        logits = run.parallel(inputs)
        loss = functional.cross_entropy(logits, labels)
    run.optimizer.zero_grad()
    torch.autograd.backward(loss)
    run.optimizer.step()
    run.step += 1
    errors = (logits.detach().argmax(dim=1) != labels).sum()
    return torch.stack([(loss.detach() * len(labels)).double(), errors.double()])
