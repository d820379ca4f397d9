"""The data that a run is given: whether they exist, and digests that show their changes."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sppnet.config.settings import Settings
from sppnet.data.caltech101 import caltech_files
from sppnet.data.image_folder import image_folder_files
from sppnet.data.imagenet import imagenet_files
from sppnet.data.store import atomic_path, file_sha256
from sppnet.data.voc import voc_files
from sppnet.errors import SppnetError, unreadable_refused

WHERE = "docs/data.md says where to get it"


@dataclass(frozen=True)
class ImageSet:
    """An image set from outside.

    Attributes:
        setting: that says where it is.
        files: all its files that a run reads; raises SppnetError where the set is not there.
        by_size: its files count as unchanged while their sizes are; for sets too large to read
            again after each copy.
    """

    setting: str
    files: Callable[[], Iterable[Path]]
    by_size: bool = False


def image_sets(settings: Settings) -> dict[str, ImageSet]:
    """The image sets from outside, by the rule that reads them; none where they are generated."""
    if settings.scenes:
        return {}
    data, transfer = settings.data, settings.transfer
    voc, splits = Path(data.voc), (data.trainval, data.test)
    sets = {"prepare_voc": ImageSet("data.voc", lambda: voc_files(voc, splits))}
    if data.image_folder is not None:
        folder = Path(data.image_folder)
        image_set = ImageSet("data.image_folder", lambda: image_folder_files(folder))
        sets["prepare_image_folder"] = image_set
    if data.imagenet is not None:
        imagenet = Path(data.imagenet)
        image_set = ImageSet("data.imagenet", lambda: imagenet_files(imagenet), by_size=True)
        sets["prepare_imagenet"] = image_set
    if transfer:
        caltech = Path(transfer.table7.root)
        image_set = ImageSet("transfer.table7.root", lambda: caltech_files(caltech))
        sets["prepare_caltech101"] = image_set
    return sets


class Digests:
    """Digests of files' contents, read again only when size or modification time differ.

    Args:
        memory: JSON file that stores them; need not exist or be writable.
    """

    def __init__(self, memory: Path) -> None:
        self._memory, self._changed = memory, False
        self._entries: dict[str, list[object]] = {}
        self._sets: dict[str, str] = {}
        with suppress(OSError, ValueError):
            content = json.loads(memory.read_text())
            self._entries = content if isinstance(content, dict) else {}

    def of_file(self, path: Path) -> str:
        """Digest of a file's content; "missing" if it cannot be read."""
        if not path.is_file() or not os.access(path, os.R_OK):
            return "missing"
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns]
        entry = self._entries.get(str(path))
        if entry is None or entry[:2] != stamp:
            entry = self._entries[str(path)] = [*stamp, file_sha256(path)]
            self._changed = True
        return str(entry[2])

    def of_set(self, images: ImageSet) -> str:
        """Digest of the names and contents (`by_size`: sizes) of a set's files, taken once.

        Raises:
            SppnetError: the set is not there, or not as a set of its kind must be.
        """
        if images.setting not in self._sets:
            self._sets[images.setting] = self._take(images)
        return self._sets[images.setting]

    def _take(self, images: ImageSet) -> str:
        digest = hashlib.sha256()
        try:
            with unreadable_refused():
                for path in sorted(images.files()):
                    content = _size(path) if images.by_size else self.of_file(path)
                    digest.update(f"{path} {content}\n".encode(errors="surrogateescape"))
        except SppnetError as error:
            raise SppnetError(f"{images.setting}: {error}; {WHERE}") from None
        return digest.hexdigest()[:16]

    def remember(self) -> None:
        """Write the memory, where it can be written."""
        if not self._changed:
            return
        try:
            with atomic_path(self._memory) as temporary:
                temporary.write_text(json.dumps(self._entries))
        except OSError:
            return  # a read-only checkout: everything is read again next time
        self._changed = False


def _size(path: Path) -> str:
    return str(path.stat().st_size) if path.exists() else "missing"
