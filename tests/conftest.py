"""What several tests share: patience, files opened, networks in bfloat16, and a small ImageNet."""

import io
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from scipy.io import savemat

# However busy the machine is: what a property says does not depend on time.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

OpenedFiles = Callable[[Path, Callable[[], object]], set[Path]]
FIELDS = ("ILSVRC2012_ID", "WNID", "words", "num_children", "num_train_images")
Training = dict[str, dict[str, bytes]]  # pictures by class and name
Validation = list[tuple[str, bytes]]  # class and picture, in the order of their numbers


@pytest.fixture(scope="session")
def opened_files() -> OpenedFiles:
    """Makes a call and tells which files below a folder this process opened meanwhile."""
    opened: list[set[Path]] = []

    def note(event: str, given: tuple[object, ...]) -> None:
        if opened and event == "open" and isinstance(given[0], str | Path):
            opened[-1].add(Path(given[0]))

    def opened_files(folder: Path, call: Callable[[], object]) -> set[Path]:
        opened.append(set())
        try:
            call()
        finally:
            found = opened.pop()
        return {path for path in found if path.is_relative_to(folder)}

    sys.addaudithook(note)  # nothing opens a file past it; it stays until the process ends
    return opened_files


@pytest.fixture
def in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Networks that were changed to bfloat16 since the test began."""
    from sppnet.models.network import Network  # slow to import, and few tests need it

    changed: list[object] = []
    original = Network.to_bfloat16

    def noted(network: Network) -> Network:
        changed.append(network)
        return original(network)

    monkeypatch.setattr(Network, "to_bfloat16", noted)
    return changed


@pytest.fixture(scope="session")
def write_imagenet() -> Callable[[Path, Training, Validation], Path]:
    return _write_imagenet


def _write_imagenet(root: Path, training: Training, validation: Validation) -> Path:
    """The training archive of archives, the flat validation archive, and the kit as .tar.gz."""
    root.mkdir(parents=True, exist_ok=True)
    inner = {f"{name}.tar": _tar(pictures) for name, pictures in training.items()}
    (root / "ILSVRC2012_img_train.tar").write_bytes(_tar(inner))
    numbered = enumerate(validation, start=1)
    named = {f"ILSVRC2012_val_{number:08d}.JPEG": data for number, (_, data) in numbered}
    (root / "ILSVRC2012_img_val.tar").write_bytes(_tar(named))
    folder = _write_devkit(root / "kit", training, [name for name, _ in validation])
    with tarfile.open(root / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as tar:
        tar.add(folder, folder.name)
    return root


def _write_devkit(root: Path, training: Training, truth: list[str]) -> Path:
    """A kit whose classes are numbered against their order, and a group above them."""
    folder = root / "ILSVRC2012_devkit_t12"
    (folder / "data").mkdir(parents=True)
    numbers = {name: len(training) - index for index, name in enumerate(sorted(training))}
    rows = [(numbers[name], name, name, 0, len(training[name])) for name in training]
    rows.append((1001, "n00000001", "entity", len(training), 0))
    synsets = np.array(rows, dtype=[(field, object) for field in FIELDS])
    savemat(folder / "data/meta.mat", {"synsets": synsets})
    lines = "".join(f"{numbers[name]}\n" for name in truth)
    (folder / "data/ILSVRC2012_validation_ground_truth.txt").write_text(lines)
    return folder


def _tar(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return target.getvalue()
