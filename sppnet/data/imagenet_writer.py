"""Writing images in the layout of ImageNet 2012: its two archives and its development kit."""

import gzip
import tarfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from scipy.io import savemat

from sppnet.data.imagenet import DEVKIT, SYNSETS, TRAIN, TRUTH, VALIDATION

# Columns of the kit's table of synsets that matter to a reader; the real one has three more.
FIELDS = ("ILSVRC2012_ID", "WNID", "words", "num_children", "num_train_images")
GROUP = "n00001740"  # entity, above all classes
# MATLAB files begin with a text of this many bytes, into which SciPy writes the time.
MATLAB_TEXT = b"MATLAB 5.0 MAT-file".ljust(116)


def write_imagenet(
    root: Path,
    training: Mapping[str, Mapping[str, bytes]],
    validation: Sequence[tuple[str, bytes]],
) -> Path:
    """Write the archive of training archives, the validation archive and the kit as .tar.gz.

    For small sets, which are held in memory. The same images give the same bytes.

    Args:
        root: folder, created where it is missing.
        training: JPEGs of each synset, by name.
        validation: synset and JPEG of each image, in the order of their numbers.

    Returns:
        The folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    classes = {f"{synset}.tar": _tar(images) for synset, images in training.items()}
    (root / TRAIN).write_bytes(_tar(classes))
    numbered = enumerate((data for _, data in validation), start=1)
    names = {f"ILSVRC2012_val_{number:08d}.JPEG": data for number, data in numbered}
    (root / VALIDATION).write_bytes(_tar(names))
    kit = _devkit(
        {synset: len(images) for synset, images in training.items()},
        [synset for synset, _ in validation],
    )
    members = {f"{DEVKIT}/{name}": data for name, data in kit.items()}
    (root / f"{DEVKIT}.tar.gz").write_bytes(gzip.compress(_tar(members), mtime=0))
    return root


def _devkit(counts: Mapping[str, int], truth: Sequence[str]) -> dict[str, bytes]:
    """Files of a kit that, as the real one, numbers its classes in another order than by name."""
    numbers = {synset: len(counts) - index for index, synset in enumerate(sorted(counts))}
    rows = [(numbers[synset], synset, synset, 0, count) for synset, count in counts.items()]
    rows.append((len(counts) + 1, GROUP, "entity", len(counts), 0))
    table = BytesIO()
    savemat(
        table,  # type: ignore[arg-type]
        {"synsets": np.array(rows, dtype=[(field, object) for field in FIELDS])},
    )
    lines = "".join(f"{numbers[synset]}\n" for synset in truth)
    return {
        SYNSETS: MATLAB_TEXT + table.getvalue()[len(MATLAB_TEXT) :],
        TRUTH: lines.encode(),
    }


def _tar(files: Mapping[str, bytes]) -> bytes:
    target = BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, BytesIO(data))
    return target.getvalue()
