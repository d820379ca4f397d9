"""transfer: linear SVMs on cached features of whole images, VOC 2007 or Caltech-101."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import torch
from typer import Option

from sppnet.classify.image_features import ImageFeatures
from sppnet.classify.transfer_caltech import CaltechProtocol, learn_caltech
from sppnet.classify.transfer_voc import VocProtocol, choose_size, learn_voc
from sppnet.classify.voc_classification import image_labels
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import atomic_path, write_json
from sppnet.errors import SppnetError
from sppnet.models.compute import choose_device

Found = tuple[dict[str, Any], pd.DataFrame]


def run(
    protocol: Annotated[Literal["voc07", "caltech101"], Option(help="Which set, and its rules.")],
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc or prepare-caltech101.")],
    features: Annotated[
        list[Path],
        Option(help="Features of trainval, or of all of Caltech-101; repeat, one per image size."),
    ],
    cost: Annotated[float, Option(help="C of the SVMs.")],
    seed: Annotated[int, Option(help="Of the held-out part, splits, samples and split-halves.")],
    output: Annotated[Path, Option(help="Results by layer (.json).")],
    outcomes: Annotated[Path, Option(help="Scores, or predictions, of every image (.parquet).")],
    test_features: Annotated[
        list[Path] | None, Option(help="voc07: features of test, in the order of --features.")
    ] = None,
    holdout: Annotated[
        float | None,
        Option(help="voc07: share of trainval that chooses the image size.", min=0, max=1),
    ] = None,
    bootstrap: Annotated[
        int | None, Option(help="voc07: samples of the images for the interval.", min=1)
    ] = None,
    train_per_class: Annotated[
        int | None, Option(help="caltech101: training images of a category.", min=1)
    ] = None,
    test_per_class: Annotated[
        int | None, Option(help="caltech101: most test images of a category.", min=1)
    ] = None,
    splits: Annotated[int | None, Option(help="caltech101: random splits.", min=1)] = None,
    split_halves: Annotated[
        int | None, Option(help="caltech101: split-halves of the images for the interval.", min=1)
    ] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Train linear SVMs on every layer and test them on images that they have not seen."""
    torch.set_num_threads(threads)
    shared = {"cost": cost, "seed": seed, "device": choose_device(device)}
    if protocol == "voc07":
        own = {"holdout": holdout, "bootstrap": bootstrap}
        _require(protocol, {"test_features": test_features, **own})
        voc = VocProtocol(**shared, **own)  # type: ignore[arg-type]
        report, table = _voc(manifest, features, test_features or [], voc)
    else:
        counts = {
            "train_per_class": train_per_class,
            "test_per_class": test_per_class,
            "splits": splits,
            "split_halves": split_halves,
        }
        _require(protocol, counts)
        caltech = CaltechProtocol(**shared, **counts)  # type: ignore[arg-type]
        report, table = _caltech(manifest, features, caltech)
    with atomic_path(outcomes) as temporary:
        table.to_parquet(temporary, index=False)
    write_json(output, {"protocol": protocol, **report})


def _require(protocol: str, given: dict[str, Any]) -> None:
    missing = [name for name, value in given.items() if value is None]
    if missing:
        flag = missing[0].replace("_", "-")
        raise SppnetError(f"--{flag}: missing; --protocol {protocol} needs it")


def _voc(
    manifest: Path, features: Sequence[Path], test_features: Sequence[Path], protocol: VocProtocol
) -> Found:
    trained, tested = _by_size(features), _by_size(test_features)
    views = [{size: each.view for size, each in side.items()} for side in (trained, tested)]
    if views[0] != views[1]:
        raise SppnetError(
            "--test-features: not the views of --features; cache both with the same size, input "
            "and crop"
        )
    training = read_manifest(manifest, dataset="detection", split="trainval")
    testing = read_manifest(manifest, dataset="detection", split="test")
    size, measured = next(iter(trained)), {}
    if len(trained) > 1:
        labels = image_labels(training, class_list(training))
        images = [record.image for record in training]
        measured = choose_size(trained, images, labels, protocol)
        size = max(measured, key=lambda each: measured[each])
    report, table = learn_voc(training, testing, trained[size], tested[size], protocol)
    return {**report, **asdict(trained[size].view), "held_out": measured}, table


def _by_size(paths: Sequence[Path]) -> dict[int, ImageFeatures]:
    found = [ImageFeatures(path) for path in paths]
    sizes = [each.view.size for each in found]
    if len(set(sizes)) != len(sizes):
        raise SppnetError(f"--features: sizes {sizes}; give one file per image size")
    return dict(zip(sizes, found, strict=True))


def _caltech(manifest: Path, features: Sequence[Path], protocol: CaltechProtocol) -> Found:
    if len(features) != 1:
        raise SppnetError(f"--features: {len(features)} files; caltech101 takes one image size")
    stored = ImageFeatures(features[0])
    records = read_manifest(manifest, dataset="caltech101", split="all")
    report, table = learn_caltech(records, stored, protocol)
    return {**report, **asdict(stored.view)}, table
