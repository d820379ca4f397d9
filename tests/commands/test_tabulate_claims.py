import csv
import json
from pathlib import Path

import pytest

import sppnet.report
from sppnet.cli import run
from sppnet.data.manifest import ImageRecord, write_manifest
from sppnet.errors import SppnetError
from sppnet.report.claims import CLAIMS
from sppnet.report.written_tables import read_table

REFERENCE = Path(sppnet.report.__file__).parent / "reference.csv"


@pytest.fixture
def comparisons(tmp_path):
    rows = {
        "ftfc7 bb": {"map": 0.62, "replicates": [0.6, 0.62, 0.64]},
        "ftfc7": {"map": 0.6, "replicates": [0.59, 0.6, 0.61]},
    }
    evaluation = tmp_path / "evaluation.json"
    evaluation.write_text(json.dumps({"image_names": ["a", "b"], "rows": rows}))
    time = tmp_path / "time.json"
    columns = {"maps": [0.004], "crops": [0.010]}
    each = {name: {"total": {"each": values}} for name, values in columns.items()}
    time.write_text(json.dumps({"columns": each}))
    sides = {
        "ours": {"files": [str(evaluation)]},
        "reference": {"files": [str(evaluation)]},
    }
    fast, slow = ({"files": [str(time)], "part": part} for part in ("maps", "crops"))
    times = {"ours": fast, "reference": slow}
    return [
        {"claim": "box_regression", "measured_on": "ZF-5", "not_comparable": "", **sides},
        {"claim": "map_views_faster", "measured_on": "ZF-5", "not_comparable": "", **times},
    ]


def tabulate(folder, comparisons):
    path = folder / "comparisons.json"
    path.write_text(json.dumps({"comparisons": comparisons}))
    words = f"--reference {REFERENCE} --bootstrap 50 --seed 1"
    files = f"--comparisons {path} --csv {folder}/out/claims.csv --json {folder}/out/claims.json"
    run(["tabulate-claims", *words.split(), *files.split()])
    return json.loads((folder / "out/claims.json").read_text())["claims"]


def test_table_metadata_and_terminal_agree(comparisons, tmp_path, capsys):
    found = tabulate(tmp_path, comparisons)
    with (tmp_path / "out/claims.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = rows[0]
    assert first["claim"] == "box_regression" and first["measured on"] == "ZF-5"
    assert (first["paper"], first["ours"], first["unit"]) == ("4.00", "2.00", "points")
    assert (first["paper origin"], rows[1]["paper origin"]) == ("deck", "-")
    assert (first["n"], first["seeds"], first["metric"]) == ("2", "1", "mAP")
    assert first["verdict"] == "reproduced"
    assert (rows[1]["paper"], rows[1]["ours"], rows[1]["unit"]) == ("-", "2.50", "x")
    assert rows[1]["low"] == "-"
    assert rows[1]["verdict"] == "undecided at this n"
    assert found[0]["paper_arithmetic"] == "59.2 - 55.2"
    assert found[0]["values"] == {"ours": 62.0, "reference": 60.0}
    assert found[0]["rule"] == {"bound": 0.0} and "networks" not in found[0]
    assert found[0]["low"] == pytest.approx(1.05)
    assert "reproduced" in capsys.readouterr().out
    assert all(cell.is_shown for cell in read_table(tmp_path / "out/claims.csv").values())


def test_the_size_of_an_effect_is_compared_in_the_papers_experiment_only(comparisons, tmp_path):
    (found,) = tabulate(tmp_path, [comparisons[0] | {"not_comparable": "other networks"}])
    assert (found["paper"], found["verdict"]) == (4.0, "reproduced")
    assert found["size"] == "not comparable: other networks"
    (found,) = tabulate(tmp_path, comparisons[:1])
    assert found["size"] == "not comparable: fewer images"


def image_list(path, sides):
    """A manifest of validation pictures, and of a training picture that is no square."""
    images = enumerate([("train", (9, 8)), *(("val", side) for side in sides)])
    write_manifest(
        path,
        [
            ImageRecord("classification", split, f"{number}", "a.png", *side, "0", label="a")
            for number, (split, side) in images
        ],
    )


def test_claims_that_squares_cannot_decide_are_not_made_of_squares(comparisons, tmp_path):
    """Their files are not even read."""
    manifest, missing = tmp_path / "manifest.parquet", {"files": [str(tmp_path / "missing")]}
    about = {"claim": "views_96", "measured_on": "Overfeat-7", "not_comparable": ""}
    views = {**about, "ours": missing, "reference": missing, "manifest": str(manifest)}
    image_list(manifest, [(8, 8), (9, 9)])
    found = tabulate(tmp_path, [views, *comparisons])
    assert [row["claim"] for row in found] == ["views_96", "box_regression", "map_views_faster"]
    assert found[0]["verdict"] == "not made: the pictures are squares"
    assert (found[0]["ours"], found[0]["p"], found[0]["corrected_p"]) == (None, None, None)
    assert found[1]["corrected_p"] == found[1]["p"]  # it does not count among the claims tested
    table = read_table(tmp_path / "out/claims.csv")
    assert table["views_96", "ours"].text == "-" and all(cell.is_shown for cell in table.values())
    draw = ["draw-claims", "--claims", str(tmp_path / "out/claims.json")]
    run([*draw, "--png", str(tmp_path / "a.png"), "--svg", str(tmp_path / "a.svg")])
    image_list(manifest, [(8, 8), (9, 8)])
    with pytest.raises(SppnetError, match="missing"):
        tabulate(tmp_path, [views])


def test_claims_about_full_images_and_many_views_need_pictures_that_are_no_squares():
    names = {name for name, claim in CLAIMS.items() if claim.needs_aspects}
    full = {name for name in CLAIMS if name.startswith("full_image_")}
    assert len(full) == 4 and names == full | {"views_96", "views_98", "views_full"}


@pytest.mark.parametrize("change", [{"ours": {"files": []}}, {"ours": []}, {"ours": None}])
def test_broken_comparisons_are_named(comparisons, tmp_path, change):
    with pytest.raises(SppnetError, match=r"comparisons\.json: comparisons\.0\.ours") as error:
        tabulate(tmp_path, [comparisons[0] | change])
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_unknown_claims_are_refused(comparisons, tmp_path):
    with pytest.raises(SppnetError, match="--comparisons: no claim 'spp_vgg'"):
        tabulate(tmp_path, [comparisons[0] | {"claim": "spp_vgg"}])
