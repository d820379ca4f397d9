"""Networks as planned: their architecture, their training, and what both read."""

from pathlib import Path

import pytest
import yaml

from sppnet.config.section import flags
from sppnet.config.settings import check_settings
from sppnet.plan.plan import plan_of

ROOT = Path(__file__).resolve().parents[2]


def settings(name="mini"):
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())


def planned(config):
    return plan_of(check_settings(config)).networks


def test_a_network_of_table_2_is_of_its_backbone_variant_and_seed():
    architecture, training = planned(settings("mini_long")).training("overfeat7-spp_random-3")
    assert (architecture.backbone, architecture.width) == ("overfeat7", 0.0625)
    assert architecture.levels == (6, 3, 2, 1) and architecture.fc == 256
    assert (training.sizes, training.size_choice) == ((140, 176), "random")
    column = settings("mini_long")["classifiers"]["backbones"]["overfeat7"]
    assert (training.epochs, training.seed) == (column["epochs"], 3)


def test_there_is_a_network_for_every_backbone_variant_and_seed():
    assert len(planned(settings("mini_long")).settings.all_networks) == 2 + 4 * 5 * 3
    assert len(planned(settings()).settings.all_networks) == 3 + 1 * 5 * 3
    config = settings()
    for name in ("classifiers", "view_sets", "errors", "responses", "transfer"):
        del config[name]
    for name in ("views", "training"):
        del config["timing"][name]
    assert set(planned(config).settings.all_networks) == {"zf5", "alex5", "overfeat7"}


def test_an_imported_backbone_is_where_training_starts():
    plan, folder = planned(settings("voc07")), "artifacts/voc07/networks"
    architecture, start, _ = plan.training("squeezenet_spp")
    assert plan.backbone("squeezenet_spp") == [f"{folder}/squeezenet_spp.backbone.safetensors"]
    assert start.backbone_weights == Path(*plan.backbone("squeezenet_spp"))
    assert "--freeze-backbone" in flags(start)
    assert plan.backbone_name("squeezenet_spp") == architecture.backbone == "squeezenet"
    assert plan.source_files("squeezenet_spp") == [plan.source("squeezenet_spp").source]


@pytest.mark.parametrize("source", ["torchvision:squeezenet1_0", "package:weights==1.0"])
def test_weights_of_torchvision_and_of_packages_are_no_files_of_the_configuration(source):
    config = settings("voc07")
    config["networks"]["squeezenet_spp"]["imported_backbone"]["source"] = source
    assert planned(config).source_files("squeezenet_spp") == []


def test_a_network_without_an_imported_backbone_waits_for_none():
    plan = planned(settings())
    assert plan.backbone("zf5") == []
    assert "backbone-weights" not in flags(*plan.training("zf5"))


@pytest.mark.parametrize(
    ("name", "read", "stores", "words"),
    [
        (
            "mini",
            ["artifacts/mini/image_folder.parquet"],
            [],
            "--manifest artifacts/mini/image_folder.parquet",
        ),
        (
            "paper",
            ["artifacts/paper/store/train.json", "artifacts/paper/store/val.json"],
            ["artifacts/paper/store/train", "artifacts/paper/store/val"],
            "--store artifacts/paper/store/train --validation-store artifacts/paper/store/val",
        ),
    ],
)
def test_networks_learn_from_a_manifest_or_from_stores(name, read, stores, words):
    plan = planned(settings(name))
    assert plan.images_read() == read and plan.stores() == stores
    assert flags(plan.training_images()) == words
