"""Detection sets in the folder layout of PASCAL VOC."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from sppnet.data.decoding import upright_boxes
from sppnet.data.inspection import SUFFIXES, Inspection, inspect_images
from sppnet.data.manifest import ImageRecord, Problem
from sppnet.data.voc_annotation import Annotation, read_annotation
from sppnet.errors import SppnetError, unreadable_refused

FOLDERS = ("Annotations", "ImageSets/Main", "JPEGImages")
LONGEST_NAME = 200
SMALLEST_SIDE = 1  # pixels of a box inside the picture


@unreadable_refused()
def read_voc(
    root: Path, split: str, *, workers: int = 1
) -> tuple[list[ImageRecord], list[Problem]]:
    """Read the images and objects of one list, decoding every picture.

    Args:
        root: folder of one year, with Annotations, ImageSets/Main and JPEGImages.
        split: name of a list in ImageSets/Main.
        workers: processes that decode.

    Returns:
        The usable images in the order of the list, and the problems.

    Raises:
        SppnetError: a folder or the list is missing or unreadable, or the list is empty or names
            files in the place of ids.
    """
    root = Path(root)
    _check_layout(root)
    files = _image_files(root / "JPEGImages")
    names, problems = _read_list(root / "ImageSets" / "Main" / f"{split}.txt", files)
    # A missing picture keeps its usual name and is reported when it cannot be decoded.
    paths = [files.get(name, root / "JPEGImages" / f"{name}.jpg") for name in names]
    inspections = inspect_images(paths, workers=workers, description=f"read {split}")
    records = []
    for name, inspection in zip(names, inspections, strict=True):
        problems += inspection.problems
        if inspection.usable:
            annotation = root / "Annotations" / f"{name}.xml"
            record, record_problems = _read_record(name, split, inspection, annotation)
            records += [record] if record else []
            problems += record_problems
    return records, problems


def voc_files(root: Path, splits: Sequence[str]) -> Iterator[Path]:
    """Files that `read_voc` reads for some lists, including missing ones.

    Raises:
        SppnetError: as `read_voc`, or a list has none of its pictures.
    """
    _check_layout(root)
    files = _image_files(root / "JPEGImages")
    lists = [root / "ImageSets" / "Main" / f"{split}.txt" for split in splits]
    for path, names in [(path, _read_list(path, files)[0]) for path in lists]:
        if not files.keys() & set(names):
            raise SppnetError(f"{root / 'JPEGImages'}: none of the pictures that {path.name} lists")
        yield path
        for name in names:
            yield root / "Annotations" / f"{name}.xml"
            yield files.get(name, root / "JPEGImages" / f"{name}.jpg")


def _check_layout(root: Path) -> None:
    for folder in FOLDERS:
        if not (root / folder).is_dir():
            raise SppnetError(
                f"{root / folder}: no such folder; a VOC set is the folder of one year, such as "
                "VOCdevkit/VOC2007, with Annotations, ImageSets/Main and JPEGImages"
            )


def _read_list(path: Path, files: Mapping[str, Path]) -> tuple[list[str], list[Problem]]:
    """Image ids of a list, each once, without those that are not plain names.

    Args:
        path: of the list.
        files: picture file of each id.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except FileNotFoundError:
        available = sorted(other.stem for other in path.parent.glob("*.txt"))[:10]
        raise SppnetError(
            f"{path}: no such list; there are: {', '.join(available) or 'none'}"
        ) from None
    except UnicodeDecodeError:
        raise SppnetError(f"{path}: not UTF-8 text; write one image id per line") from None
    _refuse_more_than_ids(path, lines, files)
    names: dict[str, None] = {}
    problems = []
    for name in filter(None, lines):
        if name in names:
            problems.append(Problem(str(path), f"{name!r} is listed twice", "second entry ignored"))
        elif not _is_plain(name):
            problems.append(
                Problem(str(path), f"{name!r} is not a plain image id", "entry ignored")
            )
        else:
            names[name] = None
    if not names and not problems:
        raise SppnetError(f"{path}: empty list; write one image id per line")
    return list(names), problems


def _refuse_more_than_ids(path: Path, lines: Sequence[str], files: Mapping[str, Path]) -> None:
    """Refuse a list whose lines name no picture, but would after a cut.

    Raises:
        SppnetError: lines have a second column, a folder or a suffix; the first one is named.
    """
    cuts = [(line, cut) for line in lines if line not in files for cut in _cuts(line, files)]
    if not cuts:
        return
    line, name = cuts[0]
    raise SppnetError(
        f"{path}: {len(cuts)} of {sum(map(bool, lines))} lines are no image ids; write {name} in "
        f"the place of {line!r}, one id per line without folder, suffix or second column, which "
        "VOC's lists of one class have; its list of all images, such as trainval, has ids alone"
    )


def _cuts(line: str, files: Mapping[str, Path]) -> list[str]:
    """The id in a line of a list that has a column, a folder or a suffix too; none in others."""
    columns = line.replace(",", " ").split()[:1]
    names = [re.split(r"[/\\]", entry)[-1] for entry in [line, *columns]]
    cuts = [cut for name in names for cut in (name, name.rpartition(".")[0])]
    return [cut for cut in cuts if cut in files][:1]


def _is_plain(name: str) -> bool:
    """Whether an id stays inside its folder: no path, no control characters, not too long."""
    if len(name.encode()) > LONGEST_NAME:
        return False
    return name not in (".", "..") and name.isprintable() and not set(name) & set("/\\:")


def _image_files(folder: Path) -> dict[str, Path]:
    """Picture file of each id; the .jpg if there are several."""
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    paths.sort(key=lambda path: (path.suffix != ".jpg", path.name), reverse=True)
    return {path.stem: path for path in paths}


def _read_record(
    name: str, split: str, inspection: Inspection, path: Path
) -> tuple[ImageRecord | None, list[Problem]]:
    """The record of one decoded image; None when its annotation is unusable."""
    try:
        annotation = read_annotation(path)
        boxes, problems = _upright(annotation, inspection, path)
    except SppnetError as error:
        problem = str(error).removeprefix(f"{path}: ")
        return None, [Problem(str(path), problem, "image left out")]
    if annotation.filename and name not in (annotation.filename, Path(annotation.filename).stem):
        problem = f"its filename is {annotation.filename!r}"
        problems.append(Problem(str(path), problem, f"kept, used for {inspection.path.name}"))
    boxes, rows, clip_problems = _clip(boxes, annotation.class_names, inspection.size, path)
    record = ImageRecord(
        dataset="detection",
        split=split,
        image=name,
        path=str(inspection.path),
        width=inspection.size[0],
        height=inspection.size[1],
        sha256=inspection.sha256,
        class_names=tuple(annotation.class_names[row] for row in rows),
        boxes=boxes[rows].astype(np.float32),
        difficult=annotation.difficult[rows],
    )
    return record, annotation.problems + problems + clip_problems


def _upright(
    annotation: Annotation, inspection: Inspection, path: Path
) -> tuple[np.ndarray, list[Problem]]:
    """The boxes on the upright picture, regardless of its orientation when they were drawn.

    Raises:
        SppnetError: the annotation describes a picture of another size.
    """
    turned = inspection.orientation != 1
    if annotation.size is None:
        problem = "no image size"
    elif annotation.size not in (inspection.size, inspection.stored_size):
        (w, h), (width, height) = annotation.size, inspection.size
        raise SppnetError(f"{path}: drawn on {w}x{h} pixels, but the picture has {width}x{height}")
    elif annotation.size != inspection.size:
        boxes = upright_boxes(annotation.boxes, inspection.orientation, inspection.stored_size)
        return boxes, [Problem(str(path), "drawn before EXIF turns the picture", "boxes turned")]
    elif turned and inspection.size == inspection.stored_size:
        problem = f"EXIF orientation {inspection.orientation} leaves open which way up it was drawn"
    else:
        return annotation.boxes, []
    return annotation.boxes, [Problem(str(path), problem, "boxes taken as upright pixels")]


def _clip(
    boxes: np.ndarray, names: Sequence[str], size: tuple[int, int], path: Path
) -> tuple[np.ndarray, list[int], list[Problem]]:
    """Boxes clipped to the picture, the rows that remain, and a problem for each clipped box."""
    clipped = boxes.clip(0, np.array([*size, *size]))
    kept = (clipped[:, 2:] - clipped[:, :2]).min(axis=1) >= SMALLEST_SIDE
    outside = (boxes != clipped).any(axis=1)
    problems = []
    for row in (outside | ~kept).nonzero()[0].tolist():
        corners = " ".join(f"{value:g}" for value in boxes[row])
        fault = (
            f"reaches outside the {size[0]}x{size[1]} picture"
            if outside[row]
            else "is under one pixel wide or high"
        )
        action = "box clipped" if kept[row] else "object dropped"
        problems.append(Problem(str(path), f"{names[row]} box {corners} {fault}", action))
    return clipped, kept.nonzero()[0].tolist(), problems
