"""Image sets as planned: how generated ones are drawn, and where photographs are read from."""

from pathlib import Path

import pytest
import yaml

from sppnet.config.settings import check_settings
from sppnet.errors import SppnetError
from sppnet.plan.plan import plan_of

ROOT = Path(__file__).resolve().parents[2]


def planned(file):
    return plan_of(check_settings(yaml.safe_load((ROOT / file).read_text()))).images


@pytest.fixture(scope="module")
def mini():
    return planned("config/mini.yaml")


def test_detection_has_several_objects_in_an_image_and_others_a_whole_one(mini):
    voc, folder, caltech = map(mini.scene_plan, ("VOCdevkit", "ImageFolder", "caltech101"))
    assert (voc.objects, voc.cut, voc.sides, voc.object_sides) == (
        *((1, 4), 0.1),
        *((160, 250), (0.25, 0.8)),
    )
    for plan in (folder, caltech):
        assert (plan.objects, plan.cut, plan.sides, plan.object_sides) == (
            *((1, 1), 0),
            *((200, 256), (0.55, 0.95)),
        )


def test_images_are_counted_by_split_and_those_of_caltech_by_its_24_classes(mini):
    assert mini.scene_plan("VOCdevkit").images == (120, 80)
    assert mini.scene_plan("ImageFolder").images == (6000, 4000)
    assert mini.scene_plan("caltech101").images == (24 * 30,)


def test_a_generated_set_is_known_by_its_digest(mini):
    assert mini.scenes("caltech101") == ["artifacts/mini/scenes/caltech101"]
    assert mini.scenes_digest("caltech101") == ["artifacts/mini/scenes/caltech101.json"]


def test_photographs_are_not_generated():
    images = planned("config/voc07.yaml")
    assert images.scenes("VOCdevkit") == images.scenes_digest("VOCdevkit") == []
    assert images.detection().voc == "data/VOCdevkit/VOC2007"
    with pytest.raises(SppnetError, match="scenes: missing"):
        images.scene_plan("VOCdevkit")


@pytest.mark.parametrize(
    ("file", "manifest", "stored"),
    [
        ("config/mini.yaml", "artifacts/mini/image_folder.parquet", 0),
        ("config/paper.yaml", "artifacts/paper/imagenet.parquet", 1),
    ],
)
def test_networks_learn_from_the_set_that_is_named_and_stored_where_it_is_large(
    file, manifest, stored
):
    images = planned(file)
    assert images.classification == manifest and len(images.store()) == stored
