"""Stochastic gradient descent with checkpoints: killed and continued equals never killed."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.models.weights import load_tensors, save_tensors
from sppnet.progress import track

EpochBatches = Callable[[int, torch.Generator], Iterator[tuple[Tensor, Tensor]]]
Validate = Callable[[nn.Module], dict[str, float]]
History = list[dict[str, float]]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        learning_rate: of weights; biases learn twice as fast and do not decay, as in Caffe.
        drops: numbers of finished epochs after which the rate is divided by 10, once for each.
        epochs: in all.
        momentum: of SGD.
        weight_decay: L2 penalty on weights.
        warmup: iterations over which the rate rises linearly from near 0.
    """

    learning_rate: float
    drops: tuple[int, ...]
    epochs: int
    momentum: float
    weight_decay: float
    warmup: int

    def rate(self, epoch: int, step: int) -> float:
        """Learning rate in 0-based epoch `epoch` at 0-based iteration `step` of the whole run."""
        rate = self.learning_rate * 0.1 ** sum(epoch >= drop for drop in self.drops)
        return rate * min(1.0, (step + 1) / (self.warmup + 1))


@dataclass
class _Run:
    """Training that can be put on disk between two epochs."""

    module: nn.Module
    schedule: Schedule
    restart: Path
    generator: torch.Generator
    step: int = 0
    history: History = field(default_factory=list)

    def __post_init__(self) -> None:
        self.weights = {n: w for n, w in self.module.named_parameters() if w.requires_grad}
        groups = [
            {"params": [weight], "bias": name.endswith("bias")}
            for name, weight in self.weights.items()
        ]
        self.optimizer = torch.optim.SGD(groups, lr=0.0, momentum=self.schedule.momentum)

    def set_rate(self, epoch: int) -> float:
        rate = self.schedule.rate(epoch, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = 2 * rate if group["bias"] else rate
            group["weight_decay"] = 0.0 if group["bias"] else self.schedule.weight_decay
        return rate

    def values(self) -> dict[str, Tensor]:
        """All that training changes in the module."""
        return {**self.weights, **dict(self.module.named_buffers())}

    def save(self) -> None:
        tensors = {f"value/{name}": tensor for name, tensor in self.values().items()}
        for name, weight in self.weights.items():
            buffer = self.optimizer.state[weight].get("momentum_buffer")
            if buffer is not None:
                tensors[f"momentum/{name}"] = buffer
        tensors["generator"] = self.generator.get_state()
        progress = json.dumps({"step": self.step, "history": self.history})
        save_tensors(self.restart / "checkpoint.safetensors", tensors, {"progress": progress})

    def resume(self) -> None:
        path = self.restart / "checkpoint.safetensors"
        if not path.exists():
            return
        tensors, metadata = load_tensors(path)
        self.copy_values(tensors)
        for name, weight in self.weights.items():
            if f"momentum/{name}" in tensors:
                buffer = torch.empty_like(weight, requires_grad=False)
                buffer.copy_(tensors[f"momentum/{name}"])
                self.optimizer.state[weight]["momentum_buffer"] = buffer
        self.generator.set_state(tensors["generator"])
        progress = json.loads(metadata["progress"])
        self.step, self.history = progress["step"], progress["history"]

    def save_best(self) -> None:
        tensors = {f"value/{name}": tensor for name, tensor in self.values().items()}
        save_tensors(self.restart / "best.safetensors", tensors, {})

    def copy_values(self, tensors: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in self.values().items():
                tensor.copy_(tensors[f"value/{name}"])


def fit(
    module: nn.Module,
    epoch_batches: EpochBatches,
    validate: Validate,
    *,
    schedule: Schedule,
    seed: int,
    restart: Path,
    select: str | None,
) -> History:
    """Train a classifier in place by cross-entropy; it ends in evaluation mode.

    Momentum is PyTorch's: after a drop of the rate, past gradients count at the new rate (in
    Caffe, at the old one).

    Args:
        module: maps inputs to logits; parameters without `requires_grad` stay as they are.
        epoch_batches: called with the 0-based epoch and a generator; yields inputs and int64
            labels. All its random choices must come from that generator.
        validate: called after each epoch with the module in evaluation mode.
        schedule: learning rate and length.
        seed: of dropout and of the generator given to `epoch_batches`.
        restart: folder for checkpoints; a run that died there continues after its last epoch, and
            a finished one returns at once.
        select: a key of what `validate` returns: the module ends as it was after the (first) epoch
            with the lowest value. None: as it was after the last epoch.

    Returns:
        One row per epoch: epoch (from 1), lr, train_loss, train_error, what `validate` returned,
        images_per_second (of training).

    Raises:
        SppnetError: the loss is no longer a number, or an epoch has no batch.
    """
    run = _Run(module, schedule, restart, torch.Generator().manual_seed(seed))
    run.resume()
    devices = list(range(torch.cuda.device_count()))
    for epoch in range(len(run.history), schedule.epochs):
        # Dropout draws from torch's global generators: seed them for the epoch, then put them back.
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=run.generator)))
            row = _train_epoch(run, epoch, epoch_batches(epoch, run.generator))
        module.eval()
        row |= {name: float(value) for name, value in validate(module).items()}
        run.history.append(row)
        if select is not None and _lowest(run.history, select) == epoch:
            run.save_best()
        run.save()
    if select is not None:
        run.copy_values(load_tensors(restart / "best.safetensors")[0])
    module.eval()
    return run.history


def _lowest(history: History, key: str) -> int:
    return min(range(len(history)), key=lambda index: history[index][key])


def _train_epoch(
    run: _Run, epoch: int, batches: Iterator[tuple[Tensor, Tensor]]
) -> dict[str, float]:
    device = next(iter(run.weights.values())).device
    run.module.train()
    start, images, rate = time.perf_counter(), 0, 0.0
    # Sums stay on the device: asking for their values would make the GPU wait in each iteration.
    loss_sum = torch.zeros((), dtype=torch.float64, device=device)
    wrong = torch.zeros((), dtype=torch.int64, device=device)
    description = f"epoch {epoch + 1}/{run.schedule.epochs}"
    for inputs, labels in track(batches, description):
        rate = run.set_rate(epoch)
        inputs, labels = inputs.to(device), labels.to(device)
        logits = run.module(inputs)
        loss = functional.cross_entropy(logits, labels)
        run.optimizer.zero_grad()
        torch.autograd.backward(loss)
        run.optimizer.step()
        run.step += 1
        images += len(labels)
        loss_sum += loss.detach() * len(labels)
        wrong += (logits.detach().argmax(dim=1) != labels).sum()
    if not images:
        raise SppnetError("training: an epoch has no batch; give more images or a smaller batch")
    mean_loss = float(loss_sum) / images
    if not math.isfinite(mean_loss):
        raise SppnetError(
            f"training: the loss is {mean_loss} in epoch {epoch + 1}; lower the learning rate or "
            "lengthen the warm-up"
        )
    return {
        "epoch": epoch + 1,
        "lr": rate,
        "train_loss": mean_loss,
        "train_error": int(wrong) / images,
        "images_per_second": images / (time.perf_counter() - start),
    }
