"""Generated sets: layouts, tight boxes, flags, and files that depend on the seed alone."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from defusedxml import ElementTree
from pydantic import ValidationError

from sppnet.data import composition
from sppnet.data.archives import read_file
from sppnet.data.composition import SceneObject, draw_background, render_scene
from sppnet.data.imagenet import (
    missing_images,
    read_devkit,
    training_places,
    validation_places,
)
from sppnet.data.scenes import (
    LAYOUTS,
    MARGINS,
    SETS,
    _draw_scene,
    generate_scenes,
    tree_sha256,
)
from sppnet.data.settings import ScenePlan, Variation
from sppnet.data.shapes import (
    DETECTION_CLASSES,
    IMAGE_CLASSES,
    OUTLINES,
    TEXTURES,
    Drawing,
    draw_object,
)
from sppnet.data.voc_writer import write_image_sets
from sppnet.errors import SppnetError

CLASSIFICATION = ScenePlan(
    seed=3,
    images=(48, 24),
    sides=(40, 48),
    aspects=(1.0, 1.5),
    deformation=1.0,
    spread=1.0,
    clutter=1.0,
    objects=(1, 1),
    object_sides=(0.4, 0.8),
    cut=0.0,
    quality=92,
)
FULL = Variation(deformation=1, spread=1, clutter=1)
SEVERAL = {"sides": (50, 70), "objects": (1, 4), "object_sides": (0.2, 0.9), "cut": 0.5}
DETECTION = CLASSIFICATION.model_copy(update=SEVERAL)
IMAGES = dict(zip(SETS, (48, 24, 24, 12, 50), strict=True))


def generate(output: Path, *, seed: int = 3, workers: int = 1, **images: int) -> dict[str, Any]:
    """All sets side by side, and what was made of each."""
    wanted = IMAGES | images
    return {
        layout: generate_scenes(
            output / layout,
            layout,
            plan=(DETECTION if layout == "VOCdevkit" else CLASSIFICATION).model_copy(
                update={"seed": seed, "images": tuple(wanted[name] for name in names)}
            ),
            workers=workers,
        )
        for layout, names in LAYOUTS.items()
    }


def checksums(made: dict[str, Any]) -> list[str]:
    return [made[layout]["sha256"] for layout in LAYOUTS]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    output = tmp_path_factory.mktemp("scenes") / "scenes"
    return output, generate(output)


@pytest.fixture
def voc(made: tuple[Path, dict[str, Any]]) -> Path:
    return made[0] / "VOCdevkit" / "VOC2007"


def annotations(voc: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted((voc / "Annotations").iterdir()):
        yield path.stem, ElementTree.parse(path).getroot()


def box_of(element: Any) -> list[int]:
    return [int(element.findtext(f"bndbox/{tag}")) for tag in ("xmin", "ymin", "xmax", "ymax")]


def shape_of(path: Path) -> tuple[int, ...]:
    image = cv2.imread(str(path))
    assert image is not None
    return image.shape


def block(height: int, width: int, level: float) -> Drawing:
    """A full rectangle of one colour."""
    colour = np.full((height, width, 3), level, np.float32)
    return Drawing(colour, np.ones((height, width), np.float32))


def scene_of(monkeypatch: pytest.MonkeyPatch, blocks: list[Drawing], corners: list[Any]) -> Any:
    """A 60 x 80 scene of full rectangles at given corners (left, top), back to front."""
    drawings, places = iter(blocks), iter(corners)

    def place(name: str, drawing: Drawing, **_: Any) -> Any:
        left, top = next(places)
        return composition._Placed(name, drawing, left=left, top=top)

    monkeypatch.setattr(composition, "draw_object", lambda name, **_: next(drawings))
    monkeypatch.setattr(composition, "_place", place)
    count = len(blocks)
    generator = np.random.default_rng(0)
    names = ["disc"] * count
    return render_scene(
        names,
        size=(60, 80),
        sides=[1.0] * count,
        cut=[True] * count,
        variation=FULL,
        generator=generator,
    )


def test_neither_outline_nor_texture_alone_tells_the_class_of_an_image() -> None:
    outlines, textures = zip(*IMAGE_CLASSES.values(), strict=True)
    assert len(set(IMAGE_CLASSES.values())) == len(IMAGE_CLASSES) == 24
    assert all(outlines.count(name) == 3 for name in OUTLINES)
    assert all(textures.count(name) == 3 for name in TEXTURES)
    assert list(IMAGE_CLASSES) == sorted(IMAGE_CLASSES)  # the order of folders


def test_detection_classes_have_an_outline_and_a_texture_each() -> None:
    outlines, textures = zip(*DETECTION_CLASSES.values(), strict=True)
    assert list(DETECTION_CLASSES) == list(outlines) == sorted(OUTLINES)
    assert sorted(textures) == sorted(TEXTURES)


def test_same_seed_gives_the_same_bytes_with_any_number_of_workers(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    again = generate(tmp_path / "again", workers=2)
    assert again == made[1]
    for layout, digest in zip(LAYOUTS, checksums(made[1]), strict=True):
        assert tree_sha256(tmp_path / "again" / layout) == digest == tree_sha256(made[0] / layout)


def test_another_seed_changes_every_image(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    other = checksums(generate(tmp_path / "other", seed=4))
    assert not set(other) & set(checksums(made[1]))
    for path in made[0].rglob("*.jpg"):
        other = tmp_path / "other" / path.relative_to(made[0])
        assert other.read_bytes() != path.read_bytes()


def test_an_image_does_not_depend_on_the_sizes_of_the_sets(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    generate(tmp_path / "more", classification_train=60, detection_test=14, caltech=51)
    for path in made[0].rglob("*.jpg"):
        same = tmp_path / "more" / path.relative_to(made[0])
        assert same.read_bytes() == path.read_bytes()


def test_all_images_differ(made: tuple[Path, dict[str, Any]]) -> None:
    contents = [path.read_bytes() for path in made[0].rglob("*.jpg")]
    assert len(set(contents)) == len(contents) == sum(IMAGES.values())


def test_checksum_covers_names_and_contents(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    copy = shutil.copytree(made[0] / "VOCdevkit", tmp_path / "copy")
    path = next(copy.rglob("000001.xml"))
    path.write_text(path.read_text() + " ")
    changed = tree_sha256(copy)
    path.rename(path.with_name("000000.xml"))
    assert len({made[1]["VOCdevkit"]["sha256"], changed, tree_sha256(copy)}) == 3


def test_image_folder_holds_each_class_equally_often(
    made: tuple[Path, dict[str, Any]],
) -> None:
    for split, count in (("train", 2), ("val", 1)):
        folder = made[0] / "ImageFolder" / split
        assert sorted(path.name for path in folder.iterdir()) == list(IMAGE_CLASSES)
        assert all(len(list(path.glob("*.jpg"))) == count for path in folder.iterdir())


def test_caltech_layout_has_one_folder_per_class_and_numbered_images(
    made: tuple[Path, dict[str, Any]],
) -> None:
    folder = made[0] / "caltech101" / "101_ObjectCategories"
    names = {path.name: sorted(image.name for image in path.iterdir()) for path in folder.iterdir()}
    assert sorted(names) == list(IMAGE_CLASSES)
    two, three = ([f"image_{number:04d}.jpg" for number in range(1, count + 1)] for count in (2, 3))
    assert [names[name] for name in IMAGE_CLASSES] == [three] * 2 + [two] * 22


def test_caltech_images_are_cut_to_the_object_and_margins(
    made: tuple[Path, dict[str, Any]],
) -> None:
    low, high = MARGINS
    cut, classes = [], list(IMAGE_CLASSES)
    for path in sorted((made[0] / "caltech101").rglob("*.jpg")):
        index = (int(path.stem.removeprefix("image_")) - 1) * 24 + classes.index(path.parent.name)
        generator = np.random.default_rng(np.random.SeedSequence([3, 4, index]))
        scene = _draw_scene(CLASSIFICATION, generator, path.parent.name)
        x1, y1, x2, y2 = scene.objects[0].box
        side, (rows, columns) = max(x2 - x1, y2 - y1), scene.image.shape[:2]
        for length, here, start, stop, all_of in (
            (shape_of(path)[0], y2 - y1, y1, y2, rows),
            (shape_of(path)[1], x2 - x1, x1, x2, columns),
        ):
            margins = [
                min(margin * side, room)
                for margin in (low, high)
                for room in (start, all_of - stop)
            ]
            assert here + sum(margins[:2]) - 1 <= length <= here + sum(margins[2:]) + 1
            cut.append(length < all_of)
    assert sum(cut) > len(cut) / 2


def test_image_sides_and_aspects_follow_the_plan(
    made: tuple[Path, dict[str, Any]], voc: Path
) -> None:
    folders = ((made[0] / "ImageFolder", CLASSIFICATION), (voc / "JPEGImages", DETECTION))
    for folder, plan in folders:
        shapes = [shape_of(path)[:2] for path in folder.rglob("*.jpg")]
        assert all(plan.sides[0] <= min(shape) <= plan.sides[1] for shape in shapes)
        assert all(max(shape) <= 1.5 * min(shape) + 1 for shape in shapes)
        assert len({height < width for height, width in shapes}) == 2


def test_lists_name_all_images_and_test_ids_follow_trainval(voc: Path) -> None:
    main = voc / "ImageSets" / "Main"
    trainval, test = ((main / f"{s}.txt").read_text().split() for s in ("trainval", "test"))
    assert trainval + test == [f"{number:06d}" for number in range(1, 37)]
    assert len(trainval) == 24
    assert sorted(path.stem for path in (voc / "JPEGImages").iterdir()) == trainval + test


def test_class_lists_agree_with_the_annotations(voc: Path) -> None:
    flags: dict[str, list[Any]] = {}
    for name, root in annotations(voc):
        found = [(o.findtext("name"), o.findtext("difficult")) for o in root.iter("object")]
        flags[name] = found
    for class_name in DETECTION_CLASSES:
        for split in ("trainval", "test"):
            text = (voc / "ImageSets" / "Main" / f"{class_name}_{split}.txt").read_text()
            for line in text.splitlines():
                assert re.fullmatch(r"\d{6} ([ -]1| 0)", line)
                name, sign = line.split()
                easy = (class_name, "0") in flags[name]
                present = easy or (class_name, "1") in flags[name]
                assert int(sign) == (1 if easy else 0 if present else -1)


def test_class_list_marks_an_image_of_difficult_ones_only_with_zero(tmp_path: Path) -> None:
    easy = SceneObject("disc", (0, 0, 9, 9), truncated=False, difficult=False)
    hard = replace(easy, difficult=True)
    images = [("1", [hard, easy]), ("2", [hard]), ("3", [replace(easy, class_name="ring")])]
    write_image_sets(tmp_path, "test", images, classes=["disc"])
    assert (tmp_path / "disc_test.txt").read_text() == "1  1\n2  0\n3 -1\n"
    assert (tmp_path / "test.txt").read_text() == "1\n2\n3\n"


def test_annotations_hold_the_image_size_and_boxes_inside_it(voc: Path) -> None:
    for name, root in annotations(voc):
        height, width, depth = shape_of(voc / "JPEGImages" / f"{name}.jpg")
        sizes = [int(root.findtext(f"size/{tag}")) for tag in ("width", "height", "depth")]
        assert sizes == [width, height, depth]
        assert root.findtext("filename") == f"{name}.jpg"
        assert root.findtext("folder") == "VOC2007"
        assert 1 <= len(list(root.iter("object"))) <= 4
        for element in root.iter("object"):
            x1, y1, x2, y2 = box_of(element)
            assert 1 <= x1 <= x2 <= width
            assert 1 <= y1 <= y2 <= height
            assert element.findtext("name") in DETECTION_CLASSES


def test_both_flags_occur_and_are_counted(made: tuple[Path, dict[str, Any]], voc: Path) -> None:
    elements = [element for _, root in annotations(voc) for element in root.iter("object")]
    counts = made[1]["VOCdevkit"]["counts"]
    for flag in ("truncated", "difficult"):
        marked = sum(element.findtext(flag) == "1" for element in elements)
        assert counts[flag] == marked
        assert 0 < marked < len(elements)
    assert counts["objects"] == len(elements)
    assert counts["detection_trainval"] == IMAGES["detection_trainval"]


def test_box_is_tight_on_the_visible_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = np.zeros((60, 80, 3), np.float32)
    monkeypatch.setattr(composition, "draw_background", lambda *_: quiet)
    scene = scene_of(monkeypatch, [block(20, 30, 255.0)], [(7, 11)])
    rows, columns = np.nonzero(scene.image[..., 0] > 128)
    tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert scene.objects == (SceneObject("disc", (7, 11, 37, 31), False, False),)
    assert tight == scene.objects[0].box


def test_covered_and_cut_objects_shrink_to_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [block(40, 40, 255.0), block(45, 30, 0.0), block(15, 40, 90.0), block(15, 40, 9.0)]
    scene = scene_of(monkeypatch, blocks, [(5, 5), (30, 0), (60, 45), (61, -1)])
    covered, front, half, less = scene.objects
    assert covered == SceneObject("disc", (5, 5, 30, 45), truncated=True, difficult=False)
    assert front == SceneObject("disc", (30, 0, 60, 45), truncated=False, difficult=False)
    assert half == SceneObject("disc", (60, 45, 80, 60), truncated=True, difficult=False)
    assert less == SceneObject("disc", (61, 0, 80, 14), truncated=True, difficult=True)


def test_an_object_covered_in_its_middle_is_not_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_of(monkeypatch, [block(40, 40, 255.0), block(13, 20, 0.0)], [(5, 5), (15, 15)])
    whole, tiny = scene.objects
    assert whole == SceneObject("disc", (5, 5, 45, 45), truncated=False, difficult=False)
    assert tiny == SceneObject("disc", (15, 15, 35, 28), truncated=False, difficult=True)


def test_an_object_that_would_hide_another_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [block(20, 20, 255.0), block(30, 30, 0.0)]
    scene = scene_of(monkeypatch, blocks, [(5, 5)] + [(0, 0)] * composition.TRIES)
    assert [item.box for item in scene.objects] == [(5, 5, 25, 25)]


@pytest.mark.parametrize("name", [*DETECTION_CLASSES, *IMAGE_CLASSES])
def test_size_and_randomness_of_an_object_do_not_depend_on_its_class(name: str) -> None:
    for seed in range(4):
        generator, other = (np.random.default_rng(seed) for _ in range(2))
        coverage = draw_object(name, side=90, deformation=1, generator=generator).coverage >= 0.5
        draw_object("disc", side=90, deformation=1, generator=other)
        assert generator.bit_generator.state == other.bit_generator.state
        extent = max(np.ptp(np.flatnonzero(coverage.any(axis=axis))) for axis in (0, 1)) + 1
        assert 78 <= extent <= 90


def test_the_background_does_not_depend_on_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "GRAIN", (0.0, 0.0))
    scenes = [
        render_scene(
            [name],
            size=(70, 90),
            sides=[30.0],
            cut=[False],
            variation=FULL,
            generator=np.random.default_rng(5),
        )
        for name in ("star", "ring")
    ]
    outside = np.ones((70, 90), bool)
    for x1, y1, x2, y2 in (scene.objects[0].box for scene in scenes):
        outside[max(y1 - 3, 0) : y2 + 3, max(x1 - 3, 0) : x2 + 3] = False
    assert (scenes[0].image[outside] == scenes[1].image[outside]).all()
    assert scenes[0].image[outside].std() > 10


def test_the_two_colours_of_an_object_stand_apart() -> None:
    for seed in range(20):
        drawing = draw_object(
            "square", side=60, deformation=1, generator=np.random.default_rng(seed)
        )
        brightness = drawing.colour[drawing.coverage > 0.99].mean(axis=-1)
        assert np.ptp(brightness) > 85


def test_backgrounds_have_the_asked_size_and_range() -> None:
    background = draw_background((50, 31), 1, np.random.default_rng(1))
    assert background.shape == (50, 31, 3)
    assert background.min() >= 0
    assert background.max() <= 255


def drawn_box(seed: int, **variation: float) -> tuple[int, int, int, int]:
    """Box of a square of 40 pixels in an image of 120 x 160."""
    scene = render_scene(
        ["square"],
        size=(120, 160),
        sides=[40.0],
        cut=[False],
        variation=FULL.model_copy(update=variation),
        generator=np.random.default_rng(seed),
    )
    return scene.objects[0].box


def test_without_deformation_an_object_is_drawn_upright() -> None:
    for seed in range(5):
        x1, y1, x2, y2 = drawn_box(seed, deformation=0)
        assert abs((x2 - x1) - (y2 - y1)) <= 1
    deformed = [drawn_box(seed) for seed in range(5)]
    assert max(abs((x2 - x1) - (y2 - y1)) for x1, y1, x2, y2 in deformed) > 5


def test_without_deformation_objects_differ_by_their_colours_and_a_mirror_only() -> None:
    drawn = [
        draw_object("arrow", side=60, deformation=0, generator=np.random.default_rng(seed)).coverage
        for seed in range(6)
    ]
    mirrored = [not np.array_equal(coverage, drawn[0]) for coverage in drawn]
    assert any(mirrored)
    for coverage, flip in zip(drawn, mirrored, strict=True):
        np.testing.assert_allclose(coverage[:, ::-1] if flip else coverage, drawn[0], atol=0.02)


def test_a_class_is_drawn_with_its_outline_and_its_texture() -> None:
    def draw(name: str) -> Drawing:
        return draw_object(name, side=60, deformation=1, generator=np.random.default_rng(3))

    for name, parts in IMAGE_CLASSES.items():
        for other, its_parts in IMAGE_CLASSES.items():
            first, second = draw(name), draw(other)
            alike = [np.array_equal(first.coverage, second.coverage)]
            alike += [alike[0] and np.array_equal(first.colour, second.colour)]
            assert alike == [parts[0] == its_parts[0], parts == its_parts], (name, other)
    for name, parts in DETECTION_CLASSES.items():
        np.testing.assert_array_equal(draw(name).colour, draw("_".join(parts)).colour)


@pytest.mark.parametrize("setting", Variation.model_fields)
def test_what_varies_is_that_of_the_plan(setting: str, tmp_path: Path) -> None:
    digests = set()
    for value in (0.0, 1.0):
        plan = CLASSIFICATION.model_copy(update={"images": (2, 1), setting: value})
        made = generate_scenes(tmp_path / str(value), "ImageFolder", plan=plan, workers=1)
        digests.add(made["sha256"])
    assert len(digests) == 2


@pytest.mark.parametrize(("spread", "limits"), [(0, (0, 1)), (0.5, (8, 32)), (1, (32, 65))])
def test_spread_limits_the_distance_from_the_centre(spread: float, limits: Any) -> None:
    boxes = [drawn_box(seed, spread=spread) for seed in range(40)]
    farthest = max(abs((x1 + x2) / 2 - 80) for x1, _, x2, _ in boxes)
    assert limits[0] <= farthest <= limits[1]


def test_clutter_varies_the_background() -> None:
    spreads = [
        np.mean(
            [
                draw_background((60, 80), clutter, np.random.default_rng(seed)).std(axis=(0, 1))
                for seed in range(10)
            ]
        )
        for clutter in (0, 0.5, 1)
    ]
    assert spreads[0] == 0
    assert spreads[0] < spreads[1] < spreads[2]


def test_a_filled_folder_is_left_alone(tmp_path: Path) -> None:
    photo = tmp_path / "caltech101" / "photo.jpg"
    photo.parent.mkdir()
    photo.write_text("mine")
    with pytest.raises(SppnetError, match="in the way"):
        generate(tmp_path)
    assert photo.read_text() == "mine"


def test_imagenets_archives_hold_the_images_of_the_image_folder(
    made: tuple[Path, dict[str, Any]],
) -> None:
    root, folder = made[0] / "ILSVRC2012", made[0] / "ImageFolder"
    kit = read_devkit(root)
    synsets = dict(zip(sorted(kit.counts), IMAGE_CLASSES, strict=True))
    assert kit.synsets[1] != min(kit.counts)  # numbers are in another order than names
    training, validation = training_places(root, kit), validation_places(root, kit)
    assert missing_images(training, kit) == []
    for split, places in (("train", training), ("val", validation)):
        packed = Counter((synsets[synset], read_file(place)) for place, synset in places.items())
        paths = (folder / split).glob("*/*")
        assert packed == Counter((path.parent.name, path.read_bytes()) for path in paths)


def test_output_appears_only_when_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("sppnet.data.scenes.write_image_sets", fail)
        with pytest.raises(OSError, match="disk full"):
            generate(tmp_path / "scenes")
    assert not (tmp_path / "scenes/VOCdevkit").exists()
    for layout in ("ImageFolder", "ILSVRC2012"):
        shutil.rmtree(tmp_path / "scenes" / layout)
    generate(tmp_path / "scenes")
    assert {path.name for path in (tmp_path / "scenes").iterdir()} == set(LAYOUTS)


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"sides": (60, 50)}, "sides"),
        ({"sides": (8, 50)}, "sides"),
        ({"aspects": (0.5, 1.0)}, "aspects"),
        ({"objects": (0, 2)}, "objects"),
        ({"object_sides": (0.2, 1.2)}, "object_sides"),
        ({"cut": 1.5}, "cut"),
        ({"quality": 0}, "quality"),
        ({"seed": -1}, "seed"),
        ({"images": (0, 1)}, "images"),
    ],
)
def test_a_plan_out_of_range_is_refused_by_name(change: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValidationError) as error:
        ScenePlan(**(DETECTION.model_dump() | change))
    assert error.value.errors()[0]["loc"][0] == setting


def test_a_layout_needs_a_number_of_images_for_each_of_its_sets(tmp_path: Path) -> None:
    plan = CLASSIFICATION.model_copy(update={"images": (16,)})
    with pytest.raises(SppnetError, match=r"--images: .* give 2, for classification_train and"):
        generate_scenes(tmp_path / "scenes", "ImageFolder", plan=plan, workers=1)
    assert not (tmp_path / "scenes").exists()
