"""transfer: linear SVMs on cached features of whole images, VOC 2007 or Caltech-101."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
from cyclopts import Parameter

from sppnet.classify.image_features import ImageFeatures
from sppnet.classify.settings import CaltechSplits, TransferFeatures, TransferSvm, VocProtocol
from sppnet.classify.transfer_caltech import learn_caltech
from sppnet.classify.transfer_voc import choose_size, learn_voc
from sppnet.classify.voc_classification import image_labels
from sppnet.commands.options import Manifest, Written
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import atomic_path, write_json
from sppnet.errors import SppnetError
from sppnet.models.compute import Compute

Outcome = tuple[dict[str, Any], pd.DataFrame]


def run(
    *,
    manifest: Manifest,
    cached: TransferFeatures,
    svm: TransferSvm,
    voc: VocProtocol | None = None,
    caltech: CaltechSplits | None = None,
    output: Annotated[Written, Parameter(help="Results by layer (.json).")],
    outcomes: Annotated[
        Written, Parameter(help="Scores, or predictions, of every image (.parquet).")
    ],
    compute: Compute = Compute(),
) -> None:
    """Train linear SVMs on every layer and test them on held-out images.

    VOC 2007 with --holdout and --bootstrap; Caltech-101 with --train-per-class, --test-per-class,
    --splits and --split-halves.
    """
    device = compute.start()
    if voc and not caltech:
        report, table = _voc(manifest, cached, svm, voc, device)
        name = "voc07"
    elif caltech and not voc:
        report, table = _caltech(manifest, cached.features, svm, caltech, device)
        name = "caltech101"
    else:
        raise SppnetError(
            "--holdout, --splits: give the options of VOC 2007 or those of Caltech-101"
        )
    with atomic_path(outcomes) as temporary:
        table.to_parquet(temporary, index=False)
    write_json(output, {"protocol": name, **report})


def _voc(
    manifest: Path,
    cached: TransferFeatures,
    svm: TransferSvm,
    protocol: VocProtocol,
    device: torch.device,
) -> Outcome:
    trained, tested = _by_size(cached.features), _by_size(cached.test_features)
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
        measured = choose_size(
            trained, images, labels, svm=svm, holdout=protocol.holdout, device=device
        )
        size = max(measured, key=lambda side: measured[side])
    report, table = learn_voc(
        training,
        testing,
        trained[size],
        tested[size],
        svm=svm,
        replicates=protocol.bootstrap,
        device=device,
    )
    return {**report, **trained[size].view.model_dump(), "held_out": measured}, table


def _by_size(paths: Sequence[Path]) -> dict[int, ImageFeatures]:
    opened = [ImageFeatures(path) for path in paths]
    sizes = [features.view.size for features in opened]
    if len(set(sizes)) != len(sizes):
        raise SppnetError(f"--features: sizes {sizes}; give one file per image size")
    return dict(zip(sizes, opened, strict=True))


def _caltech(
    manifest: Path,
    features: Sequence[Path],
    svm: TransferSvm,
    protocol: CaltechSplits,
    device: torch.device,
) -> Outcome:
    if len(features) != 1:
        raise SppnetError(f"--features: {len(features)} files; Caltech-101 takes one image size")
    stored = ImageFeatures(features[0])
    records = read_manifest(manifest, dataset="caltech101", split="all")
    report, table = learn_caltech(records, stored, svm=svm, protocol=protocol, device=device)
    return {**report, **stored.view.model_dump()}, table
