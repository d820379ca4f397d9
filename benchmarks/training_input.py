"""Training crops by two worker processes: from a store of images against from their files.

    python benchmarks/training_input.py --pictures data/VOCdevkit/VOC2007/JPEGImages

Goal: from a store of JPEG, at least 3 times as fast as decoding and resizing the files.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import cv2
import cyclopts
import numpy as np
import torch
from cyclopts import Parameter
from figures import find_pictures, medians, write_figures

from sppnet.classify.input_workers import Plan, cut_all
from sppnet.data.image_store import ImageStore
from sppnet.data.image_store_writer import write_image_store
from sppnet.data.images import read_image, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.data.settings import Store

SIZE, CROP, BATCH = 256, 224, 64
QUALITIES = (95, 90, 80)


class Files(Sequence[np.ndarray]):
    """Pictures that are decoded and resized whenever they are asked for."""

    def __init__(self, paths: list[Path], read: Callable[[Path], np.ndarray]) -> None:
        self.paths, self.read = paths, read

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        return resize_shorter_side(self.read(self.paths[index]), SIZE)


def by_opencv(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))


def by_opencv_reduced(path: Path) -> np.ndarray:
    """Decoded at half the size, as long as that is no less than what is wanted."""
    half = np.asarray(cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_2))
    return half[:, :, ::-1] if min(half.shape[:2]) >= SIZE else by_opencv(path)


def enlarged(paths: list[Path], longer_side: int, folder: Path) -> list[Path]:
    """The pictures as JPEG of another size, like those of a camera or of ImageNet."""
    targets = [folder / f"{number:05d}.jpg" for number in range(len(paths))]
    for path, target in zip(paths, targets, strict=True):
        pixels = read_image(path)
        factor = longer_side / max(pixels.shape[:2])
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(target), pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return targets


def stored(paths: list[Path], form: Store, folder: Path) -> ImageStore:
    records = [
        ImageRecord("classification", "train", path.name, str(path), 0, 0,
                    sha256(path.read_bytes()).hexdigest(), "one")
        for path in paths
    ]  # fmt: skip
    restart = folder / "restart"
    restart.mkdir()
    output = folder / f"{form.size} {form.quality}"
    write_image_store(output, records, form, workers=1, restart=restart)
    return ImageStore(output)


def plans(count: int) -> list[Plan]:
    generator = torch.Generator().manual_seed(1)
    order = torch.randperm(count, generator=generator).split(BATCH)
    return [
        Plan(
            rows.tolist(),
            torch.randint(5, (len(rows),), generator=generator).tolist(),
            torch.randint(2, (len(rows),), generator=generator).tolist(),
            CROP,
            np.zeros((len(rows), 3), np.float32),
        )
        for rows in order
    ]


def cut_images(images: Sequence[np.ndarray], planned: list[Plan], workers: int) -> None:
    for _ in cut_all(images, CROP, iter(planned), workers=workers):
        pass


def processor_seconds(images: Sequence[np.ndarray]) -> float:
    """What one process computes, whatever else the machine does meanwhile; the least of three."""
    cv2.setNumThreads(1)
    taken = []
    for _ in range(3):
        start = time.process_time()
        cut_images(images, plans(len(images)), 0)
        taken.append(time.process_time() - start)
    return min(taken)


def compare(paths: list[Path], repeats: int, workers: int, folder: Path) -> list[dict[str, Any]]:
    """One row per source of the images: speed, computing time, ratios to files, bytes."""
    stores = {
        f"store, JPEG of quality {q}" if q else "store, plain pixels": stored(
            paths, Store(size=SIZE, quality=q, shard_images=500), folder
        )
        for q in (*QUALITIES, None)
    }
    file_bytes = sum(path.stat().st_size for path in paths) / len(paths)
    files = {
        "files": Files(paths, read_image),
        "files, by OpenCV": Files(paths, by_opencv),
        "files, by OpenCV at half size where it can be": Files(paths, by_opencv_reduced),
    }
    sizes = dict.fromkeys(files, file_bytes)
    sizes |= {
        name: sum(len(store.stored(row)) for row in range(len(store))) / len(store)
        for name, store in stores.items()
    }
    sources: dict[str, Sequence[np.ndarray]] = files | stores
    grey = [np.full((SIZE, SIZE, 3), 128, np.uint8)]
    calls = {"start": partial(cut_images, grey, plans(1), workers)} | {
        name: partial(cut_images, images, plans(len(images)), workers)
        for name, images in sources.items()
    }
    taken = medians(calls, repeats)
    start = taken.pop("start")
    taken = {name: seconds - start for name, seconds in taken.items()}
    computed = {name: processor_seconds(images) for name, images in sources.items()}
    return [
        {
            "source": name,
            "images/s": len(paths) / seconds,
            "ratio": taken["files"] / seconds,
            "CPU ms/image": 1000 * computed[name] / len(paths),
            "CPU ratio": computed["files"] / computed[name],
            "kB/image": sizes[name] / 1000,
        }
        for name, seconds in taken.items()
    ]


def main(
    pictures: Annotated[
        Path | None, Parameter(help="Folder of photographs; generated scenes without.")
    ] = None,
    count: Annotated[int, Parameter(help="Pictures.")] = 600,
    longer_sides: Annotated[
        list[int] | None, Parameter(help="Sizes of the files, pixels; as they are without.")
    ] = None,
    workers: Annotated[int, Parameter(help="Processes that decode.")] = 2,
    repeats: Annotated[int, Parameter(help="Timed epochs of each.")] = 3,
) -> None:
    tables = {}
    with TemporaryDirectory() as scenes:
        found = find_pictures(pictures, count, Path(scenes))
        for side in longer_sides or [None]:
            with TemporaryDirectory() as folder:
                paths = enlarged(found, side, Path(folder)) if side else found
                name = f"Files of {side} pixels" if side else "Files as they are"
                tables[name] = compare(paths, repeats, workers, Path(folder))
    notes = [
        f"{count} {'generated scenes' if pictures is None else 'photographs'}, crops of {CROP} "
        f"pixels from a shorter side of {SIZE}, {workers} worker processes, without their start. "
        f"Medians of {repeats} epochs, taken in turn, all files in the system's memory. "
        "Files are decoded by the project's reader (Pillow), and by OpenCV to show what a faster "
        "decoder alone is worth. CPU: of one process. Goal: 3 for a store of JPEG.",
    ]
    write_figures(__file__, "Input for training", tables, notes)


if __name__ == "__main__":
    cyclopts.run(main)
