"""prepare-voc: read a detection set in VOC's layout once and list what is wrong with it."""

from dataclasses import replace
from pathlib import Path

from sppnet.commands.options import PreparedManifest, Problems, Workers
from sppnet.data.preparation import write_prepared
from sppnet.data.settings import DetectionImages
from sppnet.data.split_checks import check_splits
from sppnet.data.voc import read_voc


def run(
    *,
    images: DetectionImages,
    manifest: PreparedManifest,
    problems: Problems,
    workers: Workers = 2,
) -> None:
    """Check every image of a set in VOC's layout; write the manifest and the list of problems."""
    root = Path(images.voc)
    training, found = read_voc(root, images.trainval, workers=workers)
    testing, also_found = read_voc(root, images.test, workers=workers)
    # Later stages know the splits by their roles, whatever the lists are called.
    training = [replace(record, split="trainval") for record in training]
    testing = [replace(record, split="test") for record in testing]
    records, conflicts = check_splits(training, testing, str(root))
    found = [*found, *also_found, *conflicts]
    write_prepared(records, found, ("trainval", "test"), manifest=manifest, problems=problems)
