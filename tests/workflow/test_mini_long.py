"""config/mini_long.yaml is config/mini.yaml with every backbone of Tables 2 to 5, trained longer.

What may differ is listed here by hand, by setting and by option; and what mini has of one backbone.
"""

import re

import pytest
from test_rehearsal import flat, load
from test_wiring import jobs_of, rows

ALONE = {"convnet5", "overfeat5", "overfeat7"}  # backbones of Tables 2 to 5 in mini_long alone
PLACES = [
    *(f"paths.{name}" for name in ("artifacts", "results", "logs")),
    *("data.voc", "data.image_folder", "transfer.table7.root"),
]
LONGER = [
    *(f"networks.{name}.training.epochs" for name in ("zf5", "alex5")),
    "classifiers.backbones.zf5.epochs",
]
BACKBONES = [
    *("errors.table3.backbones", "errors.table4.backbone", "errors.table5.members"),
    *("errors.ablations.random_size_backbone", "classifiers.variants.spp_random.reference"),
    *("transfer.table6.columns.e.network", "transfer.table7.columns.d.network"),
]
# Options of jobs that write the same file in both runs: longer training, the members of Table 5,
# the network of transfer, and the backbone of Table 4, which is timed and drawn.
OPTIONS = {
    "pretrain": {"epochs"},
    "combine-scores": {"scores"},
    "transfer": {"features", "test-features"},
    "measure-view-speed": {"weights"},
    "draw-view-positions": {"backbone"},
}
CLAIMS_OF_MINI_LONG = rows("""
    spp_convnet5  ; multi_size_convnet5
    spp_overfeat5 ; multi_size_overfeat5
    spp_overfeat7 ; multi_size_overfeat7 ; full_image_overfeat7_single ; full_image_overfeat7_multi
""")
# Networks, then the views that they are tested on, in mini.
TESTED = rows("""
    zf5-no_spp     ; ten_crops
    zf5-spp_single ; ten_crops ; one_crop ; one_full
    zf5-spp_multi  ; ten_crops ; one_crop ; one_full ; ten_on_map ; six_scales ; six_scales_full
    zf5-spp_30bins ; ten_crops
    zf5-spp_random ; ten_crops
""")


def moved(text):
    """A word of a job of mini_long with mini's places; requests without their hash."""
    minis = text.replace("/mini_long", "/mini").replace("results/mini", "results")
    return re.sub(r"^(work/requests/\w+)-\w+\.json$", r"\1", minis)


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    """Jobs of mini by what they write."""
    return jobs_of("config/mini.yaml", tmp_path_factory.mktemp("mini"))


@pytest.fixture(scope="module")
def mini_long(tmp_path_factory):
    """Jobs of mini_long by what they write."""
    return jobs_of("config/mini_long.yaml", tmp_path_factory.mktemp("mini_long"))


def test_all_but_the_named_settings_are_minis():
    mini, longer = (flat(load(name)) for name in ("mini", "mini_long"))
    differing = {key for key in {*mini, *longer} if mini.get(key) != longer.get(key)}
    added = {f"classifiers.backbones.{name}" for name in ALONE}
    own = {key for key in differing if key.rpartition(".")[0] in added}
    assert own <= longer.keys() - mini.keys()
    assert {key.rpartition(".")[0] for key in own} == added
    transfer = {key for key in differing if key.startswith("networks.overfeat7.")}
    assert transfer and transfer <= mini.keys() - longer.keys()
    assert differing - own - transfer == {*PLACES, *LONGER, *BACKBONES}
    assert all(mini[key] < longer[key] for key in LONGER)


def test_the_network_of_transfer_is_that_of_table_2_but_for_its_length_and_seed():
    """Overfeat-7 trained at two sizes: one network in mini, every seed in mini_long."""
    network = load("mini")["networks"]["overfeat7"]
    own = load("mini_long")["classifiers"]
    column, row = own["backbones"]["overfeat7"], own["variants"]["spp_multi"]
    assert network["architecture"] == {
        **own["head"],
        **{"backbone": "overfeat7", "width": column["width"], "levels": row["levels"]},
    }
    length = {name: network["training"][name] for name in ("epochs", "seed")}
    assert network["training"] == {
        **own["training"],
        **{name: row[name] for name in ("sizes", "size_choice")},
        **length,
    }


def test_jobs_get_minis_options_but_for_the_named_ones(mini, mini_long):
    longer = {moved(file): job for file, job in mini_long.items()}
    differing = {}
    for file, job in mini.items():
        if other := longer.get(file):
            assert job.verb == other.verb and job.options.keys() == other.options.keys()
            for name, words in job.options.items():
                if list(map(moved, words)) != list(map(moved, other.options[name])):
                    differing.setdefault(job.verb, set()).add(name)
    assert differing == OPTIONS


def test_mini_trains_one_backbone_and_a_network_for_transfer(mini):
    names = [f"{network}-{seed}" for network, *_ in TESTED for seed in (1, 2, 3)]
    trained = {job.outputs[0] for job in mini.values() if job.verb == "pretrain"}
    assert trained == {
        f"artifacts/mini/networks/{name}.safetensors"
        for name in (*names, "zf5", "alex5", "overfeat7")
    }
    features = {job.options["weights"][0] for job in mini.values() if "features" in job.verb}
    assert "artifacts/mini/networks/overfeat7.safetensors" in features


def test_networks_of_mini_are_tested_on_their_views(mini):
    files = {
        f"artifacts/mini/views/{network}-{seed}/{view_set}.safetensors"
        for network, *view_sets in TESTED
        for view_set in view_sets
        for seed in (1, 2, 3)
    }
    assert {job.outputs[0] for job in mini.values() if job.verb == "classify"} == files


def test_claims_of_mini_are_those_that_need_no_other_backbone(mini, mini_long):
    claims = [
        [
            each["claim"]
            for each in jobs[f"{folder}/claims.csv"].request("comparisons")["comparisons"]
        ]
        for jobs, folder in ((mini, "results"), (mini_long, "results/mini_long"))
    ]
    left_out = {claim for row in CLAIMS_OF_MINI_LONG for claim in row}
    assert left_out < {*claims[1]}
    assert claims[0] == [claim for claim in claims[1] if claim not in left_out]
    for each in mini["results/claims.csv"].request("comparisons")["comparisons"]:
        assert each["measured_on"].startswith("ZF-5 of width 0.125")
