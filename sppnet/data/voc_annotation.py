"""Reading of a VOC annotation file, which may be broken or hostile."""

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.ElementTree import fromstring

from sppnet.data.manifest import Problem
from sppnet.errors import SppnetError

MAXIMUM_BYTES = 10_000_000
TRUTHS = {"": False, "true": True, "yes": True, "false": False, "no": False}
NORMALISED = "all boxes lie within 0..1: normalised coordinates? write pixels"


@dataclass(frozen=True, eq=False)
class Annotation:
    """The objects of an image as annotated.

    Attributes:
        filename: the picture that it names; empty when missing.
        size: the picture's width and height in pixels; None when missing.
        class_names: of each object.
        boxes: float64 `(R, 4)`, x1 y1 x2 y2, 0-based and half-open, not yet clipped.
        difficult: of each object.
        problems: objects that were dropped, and flags that were not understood.
    """

    filename: str
    size: tuple[int, int] | None
    class_names: tuple[str, ...]
    boxes: np.ndarray
    difficult: np.ndarray
    problems: list[Problem]


def read_annotation(path: Path) -> Annotation:
    """Read the objects of a VOC XML file; invalid objects are dropped and reported.

    Boxes that all lie within 0..1 are shares of the picture's sides and not pixels: none is kept.

    Raises:
        SppnetError: the file is missing or too large, is not XML, declares a document type (which
            allows entity bombs and access to other files), or is no VOC annotation.
    """
    root = _parse(path)
    objects, problems = [], []
    for number, element in enumerate(root.findall("object"), start=1):
        where = f"object {number} ({element.findtext('name', '')})"
        try:
            name, box = _read_object(element)
        except ValueError as error:
            problems.append(Problem(str(path), f"{where}: {error}", "object dropped"))
            continue
        difficult = _is_difficult(element)
        if difficult is None:
            problem = f"{where}: difficult is {element.findtext('difficult')!r}, not 0 or 1"
            problems.append(Problem(str(path), problem, "kept as not difficult"))
        objects.append((name, box, bool(difficult)))
    if objects and all(0 <= value <= 1 for _, box, _ in objects for value in box):
        problems.append(Problem(str(path), NORMALISED, "objects dropped"))
        objects = []
    return Annotation(
        filename=root.findtext("filename", "").strip(),
        size=_read_size(root),
        class_names=tuple(name for name, _, _ in objects),
        boxes=_half_open(np.array([box for _, box, _ in objects], np.float64).reshape(-1, 4)),
        difficult=np.array([difficult for _, _, difficult in objects], bool),
        problems=problems,
    )


def _parse(path: Path) -> Element:
    try:
        if not path.is_file():
            raise FileNotFoundError("no such file")
        if path.stat().st_size > MAXIMUM_BYTES:
            raise ValueError(f"over {MAXIMUM_BYTES} bytes")
        root: Element = fromstring(path.read_bytes(), forbid_dtd=True)
    except (ParseError, ValueError, LookupError, OSError) as error:
        raise SppnetError(f"{path}: cannot be read as safe XML ({error})") from None
    if root.tag != "annotation":
        raise SppnetError(f"{path}: no VOC annotation, its root is <{root.tag}>")
    return root


def _read_size(root: Element) -> tuple[int, int] | None:
    try:
        width, height = (round(_number(root, f"size/{side}")) for side in ("width", "height"))
    except ValueError:
        return None
    # Some tools write 0 x 0 for an unknown size.
    return (width, height) if width > 0 and height > 0 else None


def _read_object(element: Element) -> tuple[str, tuple[float, ...]]:
    """Class and box as written."""
    name = " ".join(element.findtext("name", "").split())
    if not name:
        raise ValueError("no class name")
    x1, y1, x2, y2 = (
        _number(element, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")
    )
    if x2 < x1 or y2 < y1:
        raise ValueError(f"inverted or empty box {x1:g} {y1:g} {x2:g} {y2:g}")
    return name, (x1, y1, x2, y2)


def _half_open(boxes: np.ndarray) -> np.ndarray:
    """Boxes in our convention; VOC counts pixels from 1 and includes both ends."""
    return boxes - (1, 1, 0, 0)


def _is_difficult(element: Element) -> bool | None:
    """The flag, a number or a truth word; None for any other text."""
    text = element.findtext("difficult", "").strip().lower()
    if text in TRUTHS:
        return TRUTHS[text]
    try:
        value = float(text)
    except ValueError:
        return None
    return value != 0 if math.isfinite(value) else None


def _number(element: Element, tag: str) -> float:
    text = element.findtext(tag, "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{tag} is {text!r}, not a number")
    return value
