"""Training samples of one layer's SVMs: each feature vector is stored once for all classes."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sppnet.detect.settings import Svm
from sppnet.detect.svm import LinearSvms, solve_svm
from sppnet.errors import SppnetError
from sppnet.models.weights import load_tensors, save_tensors

Key = tuple[int, int]  # image index, row of the box


@dataclass
class ClassSamples:
    """Samples of one class, in order of addition.

    Attributes:
        positives: keys of the objects of the class.
        negatives: keys of cached negatives (a dict: ordered, with fast look-up).
        found: negatives added since the first training.
        added: negatives added since the last training.
        trainings: number of trainings.
        seconds: total time of the trainings.
    """

    positives: list[Key] = field(default_factory=list)
    negatives: dict[Key, None] = field(default_factory=dict)
    found: int = 0
    added: int = 0
    trainings: int = 0
    seconds: float = 0.0

    @property
    def keys(self) -> list[Key]:
        """All samples, positives first."""
        return [*self.positives, *self.negatives]


class SampleCache:
    """Positives, cached negatives and current SVMs of all classes on the features of one layer.

    Args:
        classes: class names.
        length: D, number of values per sample.
        dtype: storage type of the features: float16 if exact (maxima of a half-precision map).

    Source: release spp_train.m (mining, retraining, eviction).
    """

    def __init__(self, classes: Sequence[str], length: int, dtype: str) -> None:
        self.classes, self.dtype = tuple(classes), np.dtype(dtype)
        self.samples = [ClassSamples() for _ in classes]
        self.rows: dict[Key, np.ndarray] = {}
        self.scale = 1.0  # factor on the features
        self.weight, self.bias = torch.zeros(len(classes), length), torch.zeros(len(classes))

    @property
    def svms(self) -> LinearSvms:
        """The current SVMs; zero for classes not yet trained."""
        return LinearSvms(self.weight, self.bias, self.scale)

    def add_positives(self, image: int, rows: Tensor, features: Tensor, classes: Tensor) -> None:
        """Add objects: rows `Tensor[P]`, features `Tensor[P, D]`, class indices `Tensor[P]`."""
        for row, number in zip(rows.tolist(), classes.tolist(), strict=True):
            self.samples[number].positives.append((image, row))
        self._store(image, rows, features, range(len(rows)))

    def add_negatives(
        self, image: int, rows: Tensor, features: Tensor, *, candidates: Tensor, threshold: float
    ) -> None:
        """Add the hard negatives of an image, or all negatives for a class not yet trained.

        Args:
            image: index of the image.
            rows: int64 `Tensor[R]`, rows of the image's boxes.
            features: unscaled `Tensor[R, D]`.
            candidates: bool `Tensor[R, K]`, whether the row may be a negative of the class.
            threshold: a negative is hard if its score is higher.
        """
        hard = candidates & (self._scores(features) > threshold)
        numbers, added = rows.tolist(), set()
        for number, samples in enumerate(self.samples):
            chosen = hard[:, number] if samples.trainings else candidates[:, number]
            for position in torch.nonzero(chosen).flatten().tolist():
                key = (image, numbers[position])
                if key not in samples.negatives:
                    samples.negatives[key] = None
                    samples.added += 1
                    samples.found += bool(samples.trainings)
                    added.add(position)
        self._store(image, rows, features, sorted(added))

    def train(self, svm: Svm, *, last: bool) -> None:
        """Train the classes that are due and evict the negatives that became easy.

        A class with new negatives is due if it was never trained, if it has more than
        `svm.retrain_after` new negatives, or on the last image. A class without new negatives keeps
        its SVM: evicted negatives had no loss, so training again would not change it.
        """
        before = sum(samples.trainings for samples in self.samples)
        for number, samples in enumerate(self.samples):
            due = last or not samples.trainings or samples.added > svm.retrain_after
            if due and samples.added:
                self._train_class(number, svm)
        if sum(samples.trainings for samples in self.samples) > before:
            used = {key for samples in self.samples for key in samples.keys}
            self.rows = {key: row for key, row in self.rows.items() if key in used}

    def _train_class(self, number: int, svm: Svm) -> None:
        samples, start = self.samples[number], time.monotonic()
        matrix = np.stack([self.rows[key] for key in samples.keys]).astype(np.float64)
        matrix *= self.scale
        positive = np.arange(len(matrix)) < len(samples.positives)
        try:
            weight, bias = solve_svm(matrix, positive, svm)
        except SppnetError as error:
            raise SppnetError(f"class {self.classes[number]}: {error}") from None
        self.weight[number] = torch.from_numpy(weight)
        self.bias[number] = bias
        scores = matrix[len(samples.positives) :] @ weight + bias
        scored = zip(samples.negatives, scores, strict=True)
        samples.negatives = {key: None for key, score in scored if score >= svm.evict_threshold}
        samples.added = 0
        samples.trainings += 1
        samples.seconds += time.monotonic() - start

    def _scores(self, features: Tensor) -> Tensor:
        weight, bias = self.weight.to(features.device), self.bias.to(features.device)
        return LinearSvms(weight, bias, self.scale).scores(features).cpu()

    def _store(self, image: int, rows: Tensor, features: Tensor, positions: Sequence[int]) -> None:
        block = features[list(positions)].cpu().numpy().astype(self.dtype)
        for row, values in zip(rows[list(positions)].tolist(), block, strict=True):
            # copied: a view would keep the whole block in memory after the other rows are evicted
            self.rows.setdefault((image, row), values.copy())

    def save(self, folder: Path, name: str) -> None:
        """Write the cache to two files of a folder: `name`.npy (rows) and `name`.safetensors."""
        header = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (len(self.rows), self.weight.shape[1]),
        }
        # row by row: a single array would double the memory
        with (folder / f"{name}.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for values in self.rows.values():
                file.write(values.tobytes())
        save_tensors(folder / f"{name}.safetensors", dict(self._state()), {})

    def load(self, folder: Path, name: str) -> None:
        """Load the cache that `save` wrote."""
        state, _ = load_tensors(folder / f"{name}.safetensors")
        rows = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        self.rows = {
            key: np.array(row) for key, row in zip(_keys(state["rows"]), rows, strict=True)
        }
        self.weight, self.bias, self.scale = state["weight"], state["bias"], float(state["scale"])
        for number, samples in enumerate(self.samples):
            samples.positives = _keys(state[f"{number}.positives"])
            samples.negatives = dict.fromkeys(_keys(state[f"{number}.negatives"]))
            samples.found, samples.added, samples.trainings = state[f"{number}.counts"].tolist()
            samples.seconds = float(state[f"{number}.seconds"])

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        yield "rows", _table(list(self.rows))
        yield "weight", self.weight
        yield "bias", self.bias
        yield "scale", torch.tensor(self.scale, dtype=torch.float64)
        for number, samples in enumerate(self.samples):
            counts = [samples.found, samples.added, samples.trainings]
            yield f"{number}.positives", _table(samples.positives)
            yield f"{number}.negatives", _table(list(samples.negatives))
            yield f"{number}.counts", torch.tensor(counts)
            yield f"{number}.seconds", torch.tensor(samples.seconds, dtype=torch.float64)

    def report(self) -> dict[str, dict[str, float]]:
        """Numbers of samples, trainings and seconds by class name."""
        return {
            name: {
                "positives": len(samples.positives),
                "negatives": len(samples.negatives),
                "hard_found": samples.found,
                "trainings": samples.trainings,
                "seconds": round(samples.seconds, 3),
            }
            for name, samples in zip(self.classes, self.samples, strict=True)
        }


def _table(keys: list[Key]) -> Tensor:
    return torch.tensor(keys, dtype=torch.int64).reshape(-1, 2)


def _keys(table: Tensor) -> list[Key]:
    return [(image, row) for image, row in table.tolist()]
