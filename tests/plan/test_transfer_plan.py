"""Tables 6 to 8 as planned: views, features and protocols of their columns."""

from pathlib import Path

import pytest
import yaml

from sppnet.classify.settings import CaltechSplits, ImageView, TransferSvm, VocProtocol
from sppnet.config.settings import check_settings
from sppnet.plan.plan import plan_of
from sppnet.plan.transfer import view_name
from sppnet.report.paper_numbers import PaperNumber

ROOT = Path(__file__).resolve().parents[2]
FEATURES = "artifacts/mini/image_features"


def settings(file="config/mini.yaml"):
    return yaml.safe_load((ROOT / file).read_text())


def planned(config):
    return plan_of(check_settings(config)).transfer


@pytest.fixture(scope="module")
def mini():
    return planned(settings())


def test_every_view_is_found_again_by_its_name(mini):
    assert {"crop176of176", "full176", "full377", "warp176"} <= set(mini.views)
    for name, view in mini.views.items():
        assert view_name(view) == name
    crop = mini.view("crop176of176")
    assert (crop.input, crop.size, crop.crop) == ("crop", 176, 176)


def test_views_that_differ_have_names_that_differ():
    views = [
        *(ImageView(input=kind, size=size) for kind in ("full", "warp") for size in (112, 224)),
        *(ImageView(input="crop", size=256, crop=crop) for crop in (112, 224)),
    ]
    assert len(set(map(view_name, views))) == len(views)


def test_a_column_of_several_sizes_has_features_of_each(mini):
    sizes = ("full236", "full308", "full377")
    folder = f"{FEATURES}/zf5-spp_single-1"
    assert mini.features("table6", "d") == [f"{folder}/{size}/trainval.npy" for size in sizes]
    assert mini.test_features("table6", "d") == [f"{folder}/{size}/test.npy" for size in sizes]


def test_caltech_has_no_features_of_a_test_split(mini):
    assert mini.features("table7", "d") == [f"{FEATURES}/overfeat7/full176/all.npy"]
    assert mini.test_features("table7", "d") == []
    assert (
        mini.table_manifest("table7")
        == mini.manifest("all")
        == ("artifacts/mini/caltech101.parquet")
    )
    assert mini.table_manifest("table6") == mini.manifest("test") == "artifacts/mini/voc.parquet"
    assert [mini.dataset(split) for split in ("all", "test")] == ["caltech101", "detection"]


def test_each_table_has_its_own_protocol():
    config = settings()
    config["transfer"] |= {"cost": 2, "seed": 7, "bootstrap": 300}
    plan = planned(config)
    svm = TransferSvm(cost=2, seed=7)
    assert plan.protocol("table6") == [svm, VocProtocol(holdout=0.3, bootstrap=300)]
    splits = CaltechSplits(train_per_class=10, test_per_class=20, splits=10, split_halves=50)
    assert plan.protocol("table7") == [svm, splits]


def test_warped_images_are_a_row_beside_a_column(mini):
    request = mini.table("table7")
    assert [column.name for column in request.columns] == ["a", "b", "c", "d"]
    assert request.warped.beside == "c"
    assert str(request.warped.result) == mini.results("table7")[-1]
    assert mini.results("table7")[-1] == "artifacts/mini/transfer/table7/warped.json"


def test_table_8_names_its_columns_and_layers():
    config = settings()
    config["transfer"]["table8"] |= {"voc07": "b", "voc07_layer": "fc6", "caltech101": "a"}
    config["transfer"]["table8"]["caltech101_layer"] = "fc7"
    columns = planned(config).table("table8").columns
    assert [(str(column.result), column.layer) for column in columns] == [
        ("artifacts/mini/transfer/table6/b.json", "fc6"),
        ("artifacts/mini/transfer/table7/a.json", "fc7"),
    ]


def test_a_column_is_found_by_the_papers_and_not_by_its_own_name():
    config = settings()
    columns = config["transfer"]["table7"]["columns"]
    warped = columns.pop("warped") | {"reference": "b_SPP_ZF5_crop224"}
    columns = {"warped": warped, "largest": columns.pop("c"), **columns}
    config["transfer"]["table7"] |= {"columns": columns, "warped_beside": "largest"}
    plan = planned(config)

    def beside(column, table=7):
        return plan.beside(PaperNumber(table=table, row="fc7/9", column=column))

    assert beside("c_SPP_ZF5_full224") == ("table7", "largest")
    assert beside("c_SPP_ZF5_full224", table=6) == ("table6", "c")
    assert beside("b_SPP_ZF5_crop224") == ("table7", "b")  # warped images are no column
    assert beside("d_SPP_ZF5_full392") is None


def test_without_transfer_there_are_no_columns_and_no_views():
    config = settings()
    del config["transfer"]
    plan = planned(config)
    assert plan.names == [] and plan.views == {}
