"""ImageNet's archives and folders: what is read from them, and what is refused before work."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import Image

from sppnet.data.imagenet import (
    imagenet_files,
    missing_images,
    read_devkit,
    read_images,
    training_places,
    validation_places,
)
from sppnet.data.imagenet_writer import write_imagenet
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError

CLASSES = ("n00000010", "n00000020", "n00000030")


def jpeg(seed, size=(40, 30)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def archives(tmp_path):
    training = {
        name: {f"{name}_{n}.JPEG": jpeg(10 * place + n) for n in range(place + 2)}
        for place, name in enumerate(CLASSES)
    }
    validation = [(CLASSES[n % 3], jpeg(100 + n)) for n in (2, 0, 1, 0)]
    return write_imagenet(tmp_path / "archives", training, validation)


def unpack(tar, folder):
    """Write the files of an archive; Python 3.11.3 and older know no safe `extractall`."""
    folder.mkdir(exist_ok=True)
    for member in tar:
        (folder / member.name).write_bytes(tar.extractfile(member).read())


def unpack_kit(archives, root):
    (root / "ILSVRC2012_devkit_t12/data").mkdir(parents=True)
    with tarfile.open(archives / "ILSVRC2012_devkit_t12.tar.gz") as tar:
        unpack(tar, root)


@pytest.fixture
def folders(archives, tmp_path):
    """The same images, unpacked as one does by hand."""
    root = tmp_path / "folders"
    root.mkdir()
    with tarfile.open(archives / "ILSVRC2012_img_train.tar") as outer:
        for member in outer:
            place = root / "train" / member.name.removesuffix(".tar")
            place.mkdir(parents=True)
            with tarfile.open(fileobj=outer.extractfile(member)) as inner:
                unpack(inner, place)
    with tarfile.open(archives / "ILSVRC2012_img_val.tar") as tar:
        unpack(tar, root / "val")
    unpack_kit(archives, root)
    return root


def read(root):
    """Records and problems of both splits."""
    kit = read_devkit(root)
    with TemporaryDirectory() as folder:
        how = {"workers": 1, "restart": Path(folder)}
        training = read_images(training_places(root, kit), "train", **how)
        validation = read_images(validation_places(root, kit), "val", **how)
    return training[0] + validation[0], training[1] + validation[1]


def known(records):
    return [(each.split, each.image, each.label, each.sha256, each.width) for each in records]


def test_the_kit_tells_classes_apart_from_groups(archives):
    kit = read_devkit(archives)
    assert kit.synsets == {3: CLASSES[0], 2: CLASSES[1], 1: CLASSES[2]}
    assert kit.counts == dict(zip(CLASSES, (2, 3, 4), strict=True))
    assert kit.truth == (1, 3, 2, 3)


def test_archives_are_read_without_unpacking(archives):
    records, problems = read(archives)
    assert problems == []
    assert [each.label for each in records[:9]] == [CLASSES[n] for n in (0, 0, 1, 1, 1, 2, 2, 2, 2)]
    assert records[0].image == "train/n00000010/n00000010_0.JPEG"
    inner = archives / "ILSVRC2012_img_train.tar::n00000010.tar::n00000010_0.JPEG"
    assert records[0].path == str(inner)
    assert (records[0].width, records[0].height) == (40, 30)
    # the third number is given to the first class: the truth is by number, not by order
    assert [each.label for each in records[9:]] == [CLASSES[n] for n in (2, 0, 1, 0)]


def test_unpacked_folders_give_the_same(archives, folders):
    records, problems = read(folders)
    assert problems == [] and known(records) == known(read(archives)[0])
    assert all(file_sha256(each.path) == each.sha256 for each in records)


def test_validation_in_class_folders(archives, folders):
    kit = read_devkit(archives)
    for place, name in validation_places(folders, kit).items():
        target = folders / "sorted" / name / place.rpartition("/")[2]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(place, target)
    shutil.rmtree(folders / "val")
    (folders / "sorted").rename(folders / "val")
    assert sorted(known(read(folders)[0])) == sorted(known(read(archives)[0]))


def test_missing_images_are_listed(archives, folders):
    (folders / "train/n00000030/n00000030_0.JPEG").unlink()
    shutil.rmtree(folders / "train/n00000010")
    kit = read_devkit(folders)
    found = missing_images(training_places(folders, kit), kit)
    assert [(each.path, each.problem) for each in found] == [
        ("n00000010", "0 training images, 2 in the kit"),
        ("n00000030", "3 training images, 4 in the kit"),
    ]
    assert missing_images(training_places(archives, kit), kit) == []


def test_a_broken_image_is_named(folders):
    place = folders / "train/n00000020/n00000020_1.JPEG"
    place.write_bytes(place.read_bytes()[:200])
    records, (problem,) = read(folders)
    assert problem.path == str(place) and len(records) == 12


def broken(root, what):
    """Damage the copy, and say what the message must name."""
    train, val = root / "ILSVRC2012_img_train.tar", root / "ILSVRC2012_img_val.tar"
    kit = root / "ILSVRC2012_devkit_t12.tar.gz"
    if what == "truncated train":
        train.write_bytes(train.read_bytes()[:9000])
        return ["img_train.tar", "cut short"]
    if what == "truncated val":
        val.write_bytes(val.read_bytes()[:2000])
        return ["img_val.tar: cut short"]
    if what == "no val":
        val.unlink()
        return ["img_val.tar: no such file", "val/"]
    if what == "no kit":
        kit.unlink()
        return ["ILSVRC2012_devkit_t12: no such folder", "tar.gz"]
    if what == "kit cut":
        kit.write_bytes(kit.read_bytes()[:300])
        return ["devkit_t12.tar.gz: cannot be read", "fetch it again"]
    raise AssertionError(what)


@pytest.mark.parametrize(
    "what", ["truncated train", "truncated val", "no val", "no kit", "kit cut"]
)
def test_broken_archives_are_one_line(archives, what):
    words = broken(archives, what)
    with pytest.raises(SppnetError) as error:
        kit = read_devkit(archives)
        training_places(archives, kit)
        validation_places(archives, kit)
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words)


def test_broken_folders_are_one_line(folders):
    kit = read_devkit(folders)
    (folders / "train/n00000040").mkdir()
    with pytest.raises(SppnetError, match=r"n00000040: .*no such class"):
        training_places(folders, kit)
    (folders / "train/n00000040").rmdir()
    # a group of classes is in the kit, but is no class
    (folders / "train/n00000001").mkdir()
    with pytest.raises(SppnetError, match=r"n00000001: .*no such class"):
        training_places(folders, kit)
    (folders / "train/n00000001").rmdir()
    shutil.rmtree(folders / "train/n00000020")
    (folders / "train/n00000020").mkdir()
    with pytest.raises(SppnetError, match=r"n00000020: holds no image"):
        training_places(folders, kit)
    (folders / "val/ILSVRC2012_val_00000009.JPEG").write_bytes(jpeg(1))
    with pytest.raises(SppnetError, match=r"val_00000009\.JPEG: .*has no class for it"):
        validation_places(folders, kit)


def sort_into_classes(root):
    """The validation images in class folders, and one of them in another place."""
    for place, name in validation_places(root, read_devkit(root)).items():
        target = root / "sorted" / name / Path(place).name
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(place).rename(target)
    (root / "val").rmdir()
    (root / "sorted").rename(root / "val")
    for name in ("val", "train"):
        (root / name / CLASSES[0]).rename(root / f"{name}-elsewhere")
        (root / name / CLASSES[0]).symlink_to(root / f"{name}-elsewhere")


@pytest.mark.parametrize(("form", "count"), [("archives", 3), ("folders", 15), ("sorted", 15)])
def test_the_files_of_the_set_are_those_that_are_opened(request, opened_files, form, count):
    root = request.getfixturevalue("archives" if form == "archives" else "folders")
    if form == "sorted":
        sort_into_classes(root)
    if form != "archives":
        (root / f"train/{CLASSES[1]}/.DS_Store").write_text("hidden")
    found = opened_files(root, lambda: read(root))
    assert len(found) == count  # 9 + 4 images and 2 files of the kit, or three archives
    assert set(imagenet_files(root)) == found


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("ILSVRC2012_devkit_t12.tar.gz", "devkit_t12: no such folder"),
        ("ILSVRC2012_img_train.tar", r"img_train\.tar: no such file"),
        ("ILSVRC2012_img_val.tar", r"img_val\.tar: no such file"),
    ],
)
def test_a_set_without_one_of_its_parts_has_no_files(archives, missing, words):
    (archives / missing).unlink()
    with pytest.raises(SppnetError, match=words):
        list(imagenet_files(archives))


def test_class_archives_in_the_folder_are_refused_with_what_to_type(archives, tmp_path):
    """The archive of archives unpacked once: found before anything is planned, too."""
    with tarfile.open(archives / "ILSVRC2012_img_train.tar") as tar:
        unpack(tar, archives / "train")
    words = rf"train/{CLASSES[0]}\.tar: one of 3 archives .* cd {archives}/train && for a in "
    with pytest.raises(SppnetError, match=words) as caught:
        training_places(archives, read_devkit(archives))
    assert "\n" not in str(caught.value)
    with pytest.raises(SppnetError, match="one of 3 archives"):
        list(imagenet_files(archives))
    # what the message says to type
    command = str(caught.value).partition("unpack them: ")[2]
    subprocess.run(["bash", "-c", command], check=True)
    assert set(training_places(archives, read_devkit(archives)).values()) == set(CLASSES)


def test_an_archive_that_lies_too_deep_and_a_picture_in_no_class_are_named(archives):
    (archives / "train").mkdir()
    (archives / "ILSVRC2012_img_train.tar").rename(archives / "train/ILSVRC2012_img_train.tar")
    with pytest.raises(SppnetError, match=r"img_train\.tar: lies in .*train; move it up"):
        list(imagenet_files(archives))
    (archives / "train/ILSVRC2012_img_train.tar").rename(archives / "train/1.JPEG")
    with pytest.raises(SppnetError, match=r"train/1\.JPEG: lies in no folder of a class"):
        training_places(archives, read_devkit(archives))
