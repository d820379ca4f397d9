"""Training and validation images, from a manifest or from two image stores."""

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
    """Labelled images for training and validation.

    Attributes:
        classes: sorted class names of the training images.
        training: returns the images when called, which may take long.
        training_labels: int64 `Tensor[N]`, indices in `classes`.
        validation: like `training`.
        validation_labels: like `training_labels`.
        files: all files that determine the set.
    """

    classes: tuple[str, ...]
    training: Callable[[], Images]
    training_labels: Tensor
    validation: Callable[[], Images]
    validation_labels: Tensor
    files: list[Path]


class Part(LazyImages):
    """A subset of images; decoded on access if the images are.

    Args:
        images: uint8 `(H, W, 3)` RGB.
        rows: int64 `(N,)` indices of the subset; worker processes would copy objects.
    """

    def __init__(self, images: Images, rows: np.ndarray) -> None:
        self._images, self._rows = images, rows

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, index: int) -> np.ndarray:
        """One image."""
        return self._images[int(self._rows[index])]


def hold_out(count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices of training images and of held-out images, which are evenly spaced.

    Returns:
        int64 `(N,)` each, ascending.

    Raises:
        SppnetError: the share rounds to no image or to all images.
    """
    held_out_count = round(count * share)
    if not 0 < held_out_count < count:
        raise SppnetError(
            f"--holdout: {share} of {count} images is {held_out_count}; change the share"
        )
    validation = np.arange(held_out_count) * count // held_out_count
    return np.delete(np.arange(count), validation), validation


def open_training_set(images: TrainingImages, size: int) -> TrainingSet:
    """Open a training set without decoding images.

    Args:
        images: a manifest, whose files will be decoded into memory, or two stores, whose images are
            decoded on access.
        size: shorter side of the images, pixels.

    Raises:
        SppnetError: there is neither a manifest nor a pair of stores, images are stored at another
            size, or a label occurs only in validation.
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
    training_images = _at_size(training, size, "--store")
    validation_images = _at_size(validation, size, "--validation-store")
    return TrainingSet(
        classes,
        lambda: _verified(training, training_images),
        class_indices(labels, classes),
        lambda: _verified(validation, validation_images),
        class_indices(_labels(validation, "--validation-store"), classes),
        [store / INDEX, validation_store / INDEX],
    )


def _verified(store: ImageStore, images: Images) -> Images:
    store.verify()  # one minute for all of ImageNet; training takes days
    return images


def _labels(store: ImageStore, flag: str) -> list[str]:
    labels: list[str] = store.labels.to_pylist()
    if None in labels:
        raise SppnetError(
            f"{flag} {store.path}: contains images without a label; store classification"
        )
    return labels


def _at_size(store: ImageStore, size: int, flag: str) -> Images:
    if store.form.size is None:
        return ResizedImages(store, size)
    if store.form.size != size:
        raise SppnetError(
            f"{flag} {store.path}: contains images at {store.form.size} pixels, not at {size} "
            "(--resize); store them again"
        )
    return store
