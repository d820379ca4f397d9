"""Images resized once and kept in a few large files, to be read in any order.

A store is a folder of shards, `00000.bin` and so on, and `index.parquet`, one row per image.
"""

from abc import abstractmethod
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import overload

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sppnet.data.decoding import decode_bytes
from sppnet.data.images import resize_shorter_side
from sppnet.data.manifest import Problem
from sppnet.data.settings import StoredForm
from sppnet.errors import SppnetError
from sppnet.progress import track

INDEX = "index.parquet"
COLUMNS = pa.schema(
    [
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("image", pa.string()),
        ("label", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("shard", pa.int32()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("sha256", pa.string()),
    ]
)


def encode(data: bytes, path: Path, form: StoredForm) -> tuple[bytes, int, int]:
    """Turn a picture file into what is stored, and its width and height.

    Raises:
        SppnetError: the file cannot be decoded.
    """
    pixels = decode_bytes(data, path).pixels
    if form.size is None:
        return data, pixels.shape[1], pixels.shape[0]
    pixels = resize_shorter_side(pixels, form.size)
    height, width = pixels.shape[:2]
    if form.quality is None:
        return pixels.tobytes(), width, height
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, form.quality])[1]
    return coded.tobytes(), width, height


def decode(
    stored: np.ndarray, width: int, height: int, *, form: StoredForm, name: str
) -> np.ndarray:
    """Turn stored bytes, uint8 `(L,)`, into uint8 `(H, W, 3)` RGB.

    Raises:
        SppnetError: they are no picture of this size.
    """
    if form.size is None:
        return decode_bytes(stored.tobytes(), Path(name)).pixels
    if form.quality is None:
        pixels: np.ndarray = stored.reshape(height, width, 3)
        return pixels
    decoded = cv2.imdecode(stored, cv2.IMREAD_COLOR_RGB)
    if decoded is None or decoded.shape != (height, width, 3):
        raise SppnetError(f"{name}: broken in the store; store the images again")
    return np.asarray(decoded)


class LazyImages(Sequence[np.ndarray]):
    """Images that are made when they are asked for; a slice is a list of them."""

    @abstractmethod
    def at(self, index: int) -> np.ndarray:
        """One image, uint8 `(H, W, 3)` RGB."""

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...

    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return self.at(index)


class ImageStore(LazyImages):
    """Read access to a store: a sequence of images, each decoded when it is asked for.

    An image is uint8 `(H, W, 3)`, RGB; a slice is a list of images. Shards are memory-mapped, so
    processes share what the system keeps of them in memory.

    Attributes:
        path: folder of the store.
        form: how images are held.
        labels: classes of the images; null for those without one.

    Raises:
        SppnetError: no store, or a shard is missing or cut short.
    """

    # Columns and no object per image: worker processes would copy millions of objects, page by
    # page, just by looking at them.
    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            table = pq.read_table(self.path / INDEX)
            sizes = table.schema.metadata or {}
            size, quality = (_number(sizes[key]) for key in (b"size", b"quality"))
            self.form = StoredForm(size=size, quality=quality)
            table = table.select(COLUMNS.names).cast(COLUMNS)
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise SppnetError(f"{self.path}: no store of images ({reason}); store them") from None
        self.labels = table["label"].dictionary_encode().combine_chunks()
        self._names, self._sums = table["image"], table["sha256"]
        positions = table.select(["shard", "offset", "length", "width", "height"]).to_pandas()
        self._positions = positions.to_numpy(np.int64)
        ends = (positions["offset"] + positions["length"]).groupby(positions["shard"]).max()
        self._shards = [self._map(number, int(end)) for number, end in enumerate(ends)]

    def _map(self, shard: int, size: int) -> np.ndarray:
        path = shard_path(self.path, shard)
        if not path.is_file() or path.stat().st_size != size:
            raise SppnetError(f"{path}: missing, or not of {size} bytes; store the images again")
        return np.asarray(np.memmap(path, np.uint8, mode="r"))

    def __len__(self) -> int:
        return len(self._positions)

    def at(self, index: int) -> np.ndarray:
        """One image."""
        width, height = self._positions[index, 3:].tolist()
        return decode(self.stored(index), width, height, form=self.form, name=self.name(index))

    def name(self, index: int) -> str:
        """Id of an image, as in the manifest."""
        return str(self._names[index])

    def stored(self, index: int) -> np.ndarray:
        """The bytes of an image as stored: uint8 `(L,)`, a read-only view of the shard."""
        shard, offset, length = self._positions[index, :3].tolist()
        stored: np.ndarray = self._shards[shard][offset : offset + length]
        return stored

    def damage(self, index: int) -> Problem | None:
        """What is wrong with the stored bytes of an image, by their checksum."""
        if sha256(self.stored(index).data).hexdigest() == str(self._sums[index]):
            return None
        shard = shard_path(self.path, int(self._positions[index, 0]))
        return Problem(self.name(index), f"its bytes in {shard} have changed", "store it again")

    def verify(self) -> None:
        """Read all images and compare their checksums.

        Raises:
            SppnetError: the bytes of one have changed.
        """
        for index in track(range(len(self)), f"verify {self.path.name}"):
            damage = self.damage(index)
            if damage is not None:
                raise SppnetError(f"{damage.path}: {damage.problem}; {damage.action}")


class ResizedImages(LazyImages):
    """Images of another sequence, each resized when it is asked for.

    Args:
        images: uint8 `(H, W, 3)` RGB.
        size: shorter side of the results, pixels.
    """

    def __init__(self, images: Sequence[np.ndarray], size: int) -> None:
        self._images, self._size = images, size

    def __len__(self) -> int:
        return len(self._images)

    def at(self, index: int) -> np.ndarray:
        """One image."""
        return resize_shorter_side(self._images[index], self._size)


def shard_path(folder: Path, shard: int) -> Path:
    """Where a shard of a store lies."""
    return folder / f"{shard:05d}.bin"


def _number(text: bytes) -> int | None:
    return int(text) if text else None
