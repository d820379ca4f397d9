"""prepare-voc: check a detection set in VOC's layout and list its problems."""

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
    training, training_problems = read_voc(root, images.trainval, workers=workers)
    testing, test_problems = read_voc(root, images.test, workers=workers)
    # Later stages name the splits by their roles, whatever the image sets are called.
    training = [replace(record, split="trainval") for record in training]
    testing = [replace(record, split="test") for record in testing]
    records, conflicts = check_splits(training, testing, str(root))
    image_problems = [*training_problems, *test_problems, *conflicts]
    write_prepared(
        records, image_problems, ("trainval", "test"), manifest=manifest, problems=problems
    )
