"""Writing annotations and image lists in the VOC 2007 layout."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from sppnet.data.composition import Scene, SceneObject


def _add_texts(parent: ElementTree.Element, texts: dict[str, str | int]) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = str(text)


def _add_object(root: ElementTree.Element, item: SceneObject) -> None:
    element = ElementTree.SubElement(root, "object")
    flags = {"truncated": int(item.truncated), "difficult": int(item.difficult)}
    _add_texts(element, {"name": item.class_name, "pose": "Unspecified", **flags})
    x1, y1, x2, y2 = item.box
    box = ElementTree.SubElement(element, "bndbox")
    _add_texts(box, {"xmin": x1 + 1, "ymin": y1 + 1, "xmax": x2, "ymax": y2})


def write_annotation(path: Path, scene: Scene) -> None:
    """Write the VOC XML of an image; the JPEG has the same stem.

    Half-open 0-based boxes become VOC's 1-based boxes with both ends included.
    """
    height, width, depth = scene.image.shape
    root = ElementTree.Element("annotation")
    _add_texts(root, {"folder": "VOC2007", "filename": f"{path.stem}.jpg"})
    size = ElementTree.SubElement(root, "size")
    _add_texts(size, {"width": width, "height": height, "depth": depth})
    _add_texts(root, {"segmented": 0})
    for item in scene.objects:
        _add_object(root, item)
    ElementTree.indent(root, "\t")
    path.write_text(ElementTree.tostring(root, "unicode") + "\n")


def _presence(objects: Sequence[SceneObject], class_name: str) -> int:
    """1 for an image with an object of the class, 0 with difficult ones only, -1 with none."""
    difficult = [item.difficult for item in objects if item.class_name == class_name]
    return -1 if not difficult else int(not all(difficult))


def write_image_sets(
    folder: Path,
    split: str,
    images: Sequence[tuple[str, Sequence[SceneObject]]],
    *,
    classes: Sequence[str],
) -> None:
    """Write `<split>.txt` and one `<class>_<split>.txt` per class.

    Args:
        folder: `ImageSets/Main`.
        split: name of the split.
        images: id and objects of each image.
        classes: classes that get a list each.
    """
    (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name, _ in images))
    for class_name in classes:
        lines = [f"{name} {_presence(objects, class_name):2d}\n" for name, objects in images]
        (folder / f"{class_name}_{split}.txt").write_text("".join(lines))
