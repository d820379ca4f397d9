"""Where the images of a training come from: files named by a manifest, or two stores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from sppnet.classify.settings import TrainingImages
from sppnet.classify.training_crops import class_indices, label_indices, load_images
from sppnet.data.image_store import INDEX, ImageStore, LazyImages, ResizedImages
from sppnet.data.manifest import class_list, read_manifest
from sppnet.errors import SppnetError

Images = Sequence[np.ndarray]  # uint8 (H, W, 3) RGB, all with the same shorter side


@dataclass(frozen=True)
class TrainingSet:
    """Labelled images to learn from and to validate on.

    Attributes:
        classes: names, sorted; those of training.
        training: gives the images when called, which may take long.
        training_labels: int64 `Tensor[N]`, indices in `classes`.
        validation: as `training`.
        validation_labels: as `training_labels`.
        files: what decides all that.
    """

    classes: tuple[str, ...]
    training: Callable[[], Images]
    training_labels: Tensor
    validation: Callable[[], Images]
    validation_labels: Tensor
    files: list[Path]


class Part(LazyImages):
    """Some of a set's images, decoded when asked for where those of the set are.

    Args:
        images: uint8 `(H, W, 3)` RGB.
        rows: int64 `(N,)` indices among them; an array, since worker processes would copy objects.
    """

    def __init__(self, images: Images, rows: np.ndarray) -> None:
        self._images, self._rows = images, rows

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, index: int) -> np.ndarray:
        """One image."""
        return self._images[int(self._rows[index])]


def hold_out(count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the images to train on, and of those held out, evenly spaced among all.

    Returns:
        int64 `(N,)` each, ascending.

    Raises:
        SppnetError: the share of so few images is none, or all.
    """
    held_out = round(count * share)
    if not 0 < held_out < count:
        raise SppnetError(f"--holdout: {share} of {count} images is {held_out}; change the share")
    apart = np.arange(held_out) * count // held_out
    return np.delete(np.arange(count), apart), apart


def open_training_set(images: TrainingImages, size: int) -> TrainingSet:
    """Find the images without decoding any.

    Args:
        images: a manifest, whose files are decoded into memory, or stores, whose images are decoded
            whenever they are asked for.
        size: shorter side of the images, pixels.

    Raises:
        SppnetError: neither a manifest nor two stores, images stored at another size, or a label
            that occurs in validation only.
    """
    manifest, stores = images.manifest, (images.store, images.validation_store)
    if manifest and not any(stores):
        return _from_manifest(manifest, size)
    store, validation_store = stores
    if store and validation_store and not manifest:
        return _from_stores(store, validation_store, size)
    raise SppnetError("--manifest: give it alone, or --store and --validation-store")


def _from_manifest(manifest: Path, size: int) -> TrainingSet:
    training = read_manifest(manifest, "classification", "train")
    validation = read_manifest(manifest, "classification", "val")
    classes = class_list(training)
    return TrainingSet(
        classes,
        lambda: load_images(training, size),
        label_indices(training, classes),
        lambda: load_images(validation, size),
        label_indices(validation, classes),
        [manifest],
    )


def _from_stores(store: Path, validation_store: Path, size: int) -> TrainingSet:
    training, validation = ImageStore(store), ImageStore(validation_store)
    labels = _labels(training, "--store")
    classes = tuple(sorted(set(labels)))
    images = _at_size(training, size, "--store")
    held_out = _at_size(validation, size, "--validation-store")
    return TrainingSet(
        classes,
        lambda: _verified(training, images),
        class_indices(labels, classes),
        lambda: _verified(validation, held_out),
        class_indices(_labels(validation, "--validation-store"), classes),
        [store / INDEX, validation_store / INDEX],
    )


def _verified(store: ImageStore, images: Images) -> Images:
    store.verify()  # a minute for all of ImageNet, where a training takes days
    return images


def _labels(store: ImageStore, flag: str) -> list[str]:
    labels: list[str] = store.labels.to_pylist()
    if None in labels:
        raise SppnetError(f"{flag} {store.path}: has images without a label; store classification")
    return labels


def _at_size(store: ImageStore, size: int, flag: str) -> Images:
    if store.form.size is None:
        return ResizedImages(store, size)
    if store.form.size != size:
        raise SppnetError(
            f"{flag} {store.path}: holds images at {store.form.size} pixels, not at {size} "
            "(--resize); store them anew"
        )
    return store
