"""Tables 1 to 5 as planned: cells, curves, points and times, and the files behind them."""

from pathlib import Path

import pytest
import yaml

from sppnet.classify.settings import ViewSet
from sppnet.config.settings import check_settings
from sppnet.plan.classification import views_in_words
from sppnet.plan.plan import plan_of
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.reference import read_reference

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "sppnet/report/reference.csv"
LONG = "config/mini_long.yaml"  # with every backbone and training variant
TABLES = ("table2", "table3", "table4", "table5", "ablations")


def settings(file="config/mini.yaml"):
    return yaml.safe_load((ROOT / file).read_text())


def planned(config):
    return plan_of(check_settings(config)).classification


@pytest.fixture(scope="module")
def mini():
    return planned(settings())


@pytest.fixture(scope="module")
def mini_long():
    return planned(settings(LONG))


def scores(backbone, variant, view_set, seeds=(1, 2, 3)):
    folder = "artifacts/mini_long/views"
    return tuple(
        Path(f"{folder}/{backbone}-{variant}-{seed}/{view_set}.safetensors") for seed in seeds
    )


def cells(plan, table):
    """What stands in each cell: row, column, metric and files."""
    return {(c.row, c.column, c.metric): c.files for c in plan.cells(table).cells}


def test_a_cell_of_table_2_is_of_its_variant_backbone_and_seeds(mini_long):
    found = cells(mini_long, "table2")
    assert len(found) == 3 * 4 * 2
    row = ("SPP multi-size trained", "Convnet*-5")
    for metric in ("top1", "top5"):
        assert found[*row, metric] == scores("convnet5", "spp_multi", "ten_crops")


def test_table_3_has_the_crop_before_the_full_image(mini_long):
    found = cells(mini_long, "table3")
    row = "Overfeat-7 | multi-size"
    assert found[row, "1 crop", "top1"] == scores("overfeat7", "spp_multi", "one_crop")
    assert found[row, "1 full", "top1"] == scores("overfeat7", "spp_multi", "one_full")


def test_a_variant_without_a_row_of_the_paper_has_no_number_of_it():
    config = settings()
    config["classifiers"]["variants"]["spp_multi"]["reference"] = None
    numbers = {
        (cell.row, cell.column): cell.paper for cell in planned(config).cells("table2").cells
    }
    assert numbers["SPP multi-size trained", "ZF-5"] is None
    assert numbers["no SPP", "ZF-5"].row.startswith("no_SPP | ")


@pytest.mark.parametrize(
    "file", ["config/mini.yaml", LONG, "config/voc07.yaml", "config/paper.yaml"]
)
@pytest.mark.parametrize("table", ["table2", "table3", "ablations"])
def test_every_number_beside_a_cell_is_printed_in_the_paper(file, table):
    numbers = [cell.paper for cell in planned(settings(file)).cells(table).cells]
    assert any(numbers)
    for number in filter(None, numbers):
        assert number in read_reference(REFERENCE, number.table)


@pytest.mark.parametrize(
    ("file", "network", "views", "scales"),
    [
        ("config/mini.yaml", "ZF-5", "96 views", (None, None, None)),
        (LONG, "Overfeat-7", "96 views", (1, None, 6)),
        ("config/paper.yaml", "Overfeat-7", "96 views", (1, None, 6)),
        # 9 positions at one scale, and 3 at another, where the window fills the shorter side
        ("tests/workflow/tiny.yaml", "ZF-5", "24 views", (None, None, None)),
    ],
)
def test_rows_of_table_4_name_their_views_and_the_papers_row(file, network, views, scales):
    """The paper's rows are of Overfeat-7."""
    names = {1: "SPP_O-7, 1 scale", 6: "SPP_O-7, 6 scales"}
    found = [
        (cell.row, cell.column, cell.paper)
        for cell in planned(settings(file)).cells("table4").cells
    ]
    assert found == [
        (
            f"SPP-net ({network}, this run), {words}",
            f"top-{top} val",
            PaperNumber(table=4, row=names[count], column=f"top{top}_val") if count else None,
        )
        for words, count in zip(("10 views", views, f"{views} + 2 full"), scales, strict=True)
        for top in (1, 5)
    ]


def test_table_5_combines_all_seeds_of_its_members(mini_long):
    members = ("zf5", "convnet5", "overfeat5", "overfeat7")
    files = [file for name in members for file in scores(name, "spp_multi", "ten_crops")]
    assert mini_long.combined() == list(map(str, files))
    assert mini_long.table_scores("table5") == ["artifacts/mini_long/views/combined.safetensors"]


def test_ablations_of_one_backbone_show_each_row_once():
    config = settings()
    ablations = config["errors"]["ablations"]
    assert ablations["fewer_bins_backbone"] == ablations["random_size_backbone"]
    cells = planned(config).cells("ablations").cells
    rows = ["no_spp", "spp_single", "spp_30bins", "spp_multi", "spp_random"]
    titles = [config["classifiers"]["variants"][name]["title"] for name in rows]
    assert [cell.row for cell in cells if cell.metric == "top1"] == titles


@pytest.mark.parametrize("table", TABLES)
def test_a_table_waits_for_the_files_of_its_cells(mini_long, table):
    files = [str(file) for cell in mini_long.cells(table).cells for file in cell.files]
    assert sorted(mini_long.table_scores(table)) == sorted(set(files))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "10 views"),
        ({"mirrored": False, "positions": 1}, "1 views"),
        ({"positions": 9, "scales": (64, 72)}, "24 views"),
        ({"full": 72}, "10 views + 2 full"),
        ({"scales": (), "full": 72, "mirrored": False}, "1 full"),
    ],
)
def test_the_number_of_views_in_words(change, words):
    views = {"source": "maps", "scales": (72,), "window": 64, "positions": 5, "mirrored": True}
    assert views_in_words(ViewSet(**(views | change))) == words


def test_the_figure_of_views_shows_what_is_timed(mini):
    shown = [point.view_set for point in mini.points().points]
    assert shown == ["ten_crops", "ten_on_map", "six_scales", "six_scales_full"]
    assert set(shown) <= set(mini.timed_view_sets().view_sets)


def test_points_wait_for_their_scores_and_metrics(mini_long):
    point = mini_long.points().points[1]
    assert point.scores == scores("overfeat7", "spp_multi", "ten_on_map")
    assert point.metrics == tuple(file.with_suffix(".json") for file in point.scores)
    assert {str(file) for file in (*point.scores, *point.metrics)} <= set(mini_long.point_files())
    assert len(mini_long.point_files()) == 4 * 2 * 3


def test_training_is_timed_at_one_size_and_at_two(mini_long):
    single, multi = mini_long.timed_variants().variants
    assert (single.name, single.sizes, multi.name, multi.sizes) == (
        *("spp_single", (176,)),
        *("spp_multi", (176, 140)),
    )
    folder = "artifacts/mini_long/networks"
    assert mini_long.timed_variant_networks() == [
        f"{folder}/overfeat7-{name}-1.safetensors" for name in ("spp_single", "spp_multi")
    ]


def test_learning_curves_are_those_of_their_title(mini):
    curves = {curve.name: curve.files for curve in mini.curves("zf5").variants}
    assert curves["no SPP"] == tuple(
        Path(f"artifacts/mini/networks/zf5-no_spp-{seed}.csv") for seed in (1, 2, 3)
    )
    assert len(mini.curve_files("zf5")) == 9


@pytest.mark.parametrize(
    ("dataset", "manifest"), [("detection", "voc"), ("classification", "image_folder")]
)
def test_responses_are_of_the_set_that_is_named(dataset, manifest):
    config = settings()
    config["responses"]["dataset"] = dataset
    assert planned(config).responses_manifest() == f"artifacts/mini/{manifest}.parquet"


def test_intervals_are_of_the_evaluation():
    config = settings()
    config["evaluation"] |= {"bootstrap": 900, "seed": 5}
    config["transfer"] |= {"bootstrap": 800, "seed": 6}
    assert planned(config).interval().model_dump() == {"bootstrap": 900, "seed": 5}


def test_a_full_view_is_added_to_scores_of_the_same_views(mini):
    assert mini.base("zf5-spp_multi-2", "six_scales_full") == [
        "artifacts/mini/views/zf5-spp_multi-2/six_scales.safetensors"
    ]
    others = [name for name in mini.view_sets if name != "six_scales_full"]
    assert all(mini.base("zf5-spp_multi-2", name) == [] for name in others)
