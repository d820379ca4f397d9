"""What is made of what in a run of config/mini_long.yaml: the files behind cells, claims and jobs.

The tables here are written by hand, from what the paper means and the configuration names, and know
nothing of how the workflow finds its files. Settings that a job only hands to its command are read
from the configuration. What the generated sets have no use for, stores and imported backbones for
instance, is looked up in runs of the other configurations.
"""

import json
import re
import shlex
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
import yaml
from test_flags import CORES, dry_run, try_dry_run

from sppnet.data.settings import Drawing
from sppnet.data.shapes import IMAGE_CLASSES
from sppnet.report.claims import CLAIMS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config/mini_long.yaml").read_text())
# Settings that are equal in mini_long, told apart: which of them a job is given shows in its value.
CONFIG["evaluation"] |= {"bootstrap": 900, "seed": 5, "nms": 0.35, "iou": 0.55}
CONFIG["transfer"] |= {"bootstrap": 800, "seed": 6}
CONFIG["finetune"]["rcnn"] |= {"batch": 64, "learning_rate": 0.02, "seed": 7}
CONFIG["svm"]["rcnn"] |= {"cost": 0.002, "seed": 8}
CONFIG["bbox"]["rcnn"] |= {"whitening": 0.002, "seed": 9}
CONFIG["inference"] = {"precision": "bfloat16"}
RUN, RESULTS = "artifacts/mini_long", "results/mini_long"
VOC, CALTECH = f"{RUN}/voc.parquet", f"{RUN}/caltech101.parquet"
CLASSIFICATION = f"{RUN}/image_folder.parquet"
SEEDS = (1, 2, 3)
INTERVALS = {name: CONFIG["evaluation"][name] for name in ("bootstrap", "seed")}
BACKBONES = {
    "zf5": "ZF-5",
    "convnet5": "Convnet*-5",
    "overfeat5": "Overfeat-5",
    "overfeat7": "Overfeat-7",
}


def rows(text):
    """Lines of a table, each as the list of its cells."""
    return [[cell.strip() for cell in line.split(";")] for line in text.strip().splitlines()]


# Claims: the networks, then what is said to be better and what it is compared with, each as the
# training and the views that are tested, or as a file of times and its part.
CLASSIFICATION_CLAIMS = rows("""
    spp_zf5                     ; zf5       ; spp_single ten_crops      ; no_spp ten_crops
    spp_convnet5                ; convnet5  ; spp_single ten_crops      ; no_spp ten_crops
    spp_overfeat5               ; overfeat5 ; spp_single ten_crops      ; no_spp ten_crops
    spp_overfeat7               ; overfeat7 ; spp_single ten_crops      ; no_spp ten_crops
    multi_size_zf5              ; zf5       ; spp_multi ten_crops       ; spp_single ten_crops
    multi_size_convnet5         ; convnet5  ; spp_multi ten_crops       ; spp_single ten_crops
    multi_size_overfeat5        ; overfeat5 ; spp_multi ten_crops       ; spp_single ten_crops
    multi_size_overfeat7        ; overfeat7 ; spp_multi ten_crops       ; spp_single ten_crops
    fewer_bins                  ; zf5       ; spp_30bins ten_crops      ; no_spp ten_crops
    random_size_better_than_one ; overfeat7 ; spp_random ten_crops      ; spp_single ten_crops
    random_size_worse_than_two  ; overfeat7 ; spp_multi ten_crops       ; spp_random ten_crops
    full_image_zf5_single       ; zf5       ; spp_single one_full       ; spp_single one_crop
    full_image_zf5_multi        ; zf5       ; spp_multi one_full        ; spp_multi one_crop
    full_image_overfeat7_single ; overfeat7 ; spp_single one_full       ; spp_single one_crop
    full_image_overfeat7_multi  ; overfeat7 ; spp_multi one_full        ; spp_multi one_crop
    views_96                    ; overfeat7 ; spp_multi six_scales      ; spp_multi ten_crops
    views_98                    ; overfeat7 ; spp_multi six_scales_full ; spp_multi ten_crops
    views_full                  ; overfeat7 ; spp_multi six_scales_full ; spp_multi six_scales
    map_views_equal             ; overfeat7 ; spp_multi ten_on_map      ; spp_multi ten_crops
    map_views_faster            ; overfeat7 ; views_timing ten_on_map   ; views_timing ten_crops
    two_sizes_time              ; overfeat7 ; training_timing spp_multi ; training_timing spp_single
""")
# The same, with the set, of columns of Tables 6, 7 and 9. Where both sides are one file, the claim
# itself names two layers of it.
OTHER_CLAIMS = rows("""
    voc07_full_image             ; zf5       ; VOC         ; table6 c           ; table6 b
    voc07_larger_scale           ; zf5       ; VOC         ; table6 d           ; table6 c
    caltech101_pyramid           ; zf5       ; Caltech-101 ; table7 c           ; table7 c
    caltech101_full_image        ; zf5       ; Caltech-101 ; table7 c           ; table7 b
    five_scales                  ; zf5       ; VOC         ; evaluation spp_5sc ; evaluation spp_1sc
    fine_tuning                  ; zf5       ; VOC         ; evaluation spp_5sc ; evaluation spp_5sc
    box_regression               ; zf5       ; VOC         ; evaluation spp_5sc ; evaluation spp_5sc
    as_accurate_as_rcnn          ; zf5 alex5 ; VOC         ; evaluation spp_5sc ; evaluation rcnn
    faster_than_rcnn_one_scale   ; zf5 alex5 ; VOC         ; timing spp_1sc     ; timing rcnn
    faster_than_rcnn_five_scales ; zf5 alex5 ; VOC         ; timing spp_5sc     ; timing rcnn
""")
COMPARED = {
    **{
        name: (networks, "classification", *sides)
        for name, networks, *sides in CLASSIFICATION_CLAIMS
    },
    **{name: (networks, images, *sides) for name, networks, images, *sides in OTHER_CLAIMS},
}
SIZED_BACKBONES = {
    "zf5": "ZF-5 of width 0.125",
    "convnet5": "Convnet*-5 of width 0.125",
    "overfeat5": "Overfeat-5 of width 0.0625",
    "overfeat7": "Overfeat-7 of width 0.0625",
    "alex5": "Alex-5 of width 0.125",
}

# Cells of the error tables: row, column, the paper's row, and the networks and views behind it.
TABLE2 = rows("""
    no SPP                  ; no_SPP     ; no_spp
    SPP single-size trained ; SPP_single ; spp_single
    SPP multi-size trained  ; SPP_multi  ; spp_multi
""")
TABLE3 = rows("""
    ZF-5 | single-size       ; 1 crop ; ZF-5 | single | 1crop       ; zf5 spp_single one_crop
    ZF-5 | single-size       ; 1 full ; ZF-5 | single | 1full       ; zf5 spp_single one_full
    ZF-5 | multi-size        ; 1 crop ; ZF-5 | multi | 1crop        ; zf5 spp_multi one_crop
    ZF-5 | multi-size        ; 1 full ; ZF-5 | multi | 1full        ; zf5 spp_multi one_full
    Overfeat-7 | single-size ; 1 crop ; Overfeat-7 | single | 1crop ; overfeat7 spp_single one_crop
    Overfeat-7 | single-size ; 1 full ; Overfeat-7 | single | 1full ; overfeat7 spp_single one_full
    Overfeat-7 | multi-size  ; 1 crop ; Overfeat-7 | multi | 1crop  ; overfeat7 spp_multi one_crop
    Overfeat-7 | multi-size  ; 1 full ; Overfeat-7 | multi | 1full  ; overfeat7 spp_multi one_full
""")
TABLE4 = rows("""
    10 views          ; SPP_O-7, 1 scale  ; overfeat7 spp_multi ten_crops
    96 views          ;                   ; overfeat7 spp_multi six_scales
    96 views + 2 full ; SPP_O-7, 6 scales ; overfeat7 spp_multi six_scales_full
""")
ABLATIONS = rows("""
    no SPP                           ; ZF-5       ; no_SPP     ; zf5 no_spp ten_crops
    SPP single-size trained          ; ZF-5       ; SPP_single ; zf5 spp_single ten_crops
    SPP single-size trained, 30 bins ; ZF-5       ; SPP_30bins ; zf5 spp_30bins ten_crops
    SPP single-size trained          ; Overfeat-7 ; SPP_single ; overfeat7 spp_single ten_crops
    SPP multi-size trained           ; Overfeat-7 ; SPP_multi  ; overfeat7 spp_multi ten_crops
    SPP random-size trained          ; Overfeat-7 ; SPP_random ; overfeat7 spp_random ten_crops
""")
# As their command takes them: row, column, metric, the paper's row and column, and the scores.
ERROR_CELLS = {
    "2": [
        (row, title, top, [f"{paper} | {top}", title], f"{backbone} {training} ten_crops")
        for row, paper, training in TABLE2
        for top in ("top1", "top5")
        for backbone, title in BACKBONES.items()
    ],
    "3": [(row, column, "top1", [paper, "top1"], tested) for row, column, paper, tested in TABLE3],
    "4": [
        (
            f"SPP-net (Overfeat-7, this run), {views}",
            f"top-{top} val",
            f"top{top}",
            [paper, f"top{top}_val"] if paper else None,
            tested,
        )
        for views, paper, tested in TABLE4
        for top in (1, 5)
    ],
    "5": [("ours", "top-5 val", "top5", None, "combined")],
    "ablations": [
        (row, column, top, [f"{paper} | {top}", column], tested)
        for row, column, paper, tested in ABLATIONS
        for top in ("top1", "top5")
    ],
}
# Every network that is trained for Tables 2 to 8, once per seed.
TRAININGS = [
    *(f"{backbone} {way}" for backbone in BACKBONES for way in ("no_spp", "spp_single")),
    *(f"{backbone} spp_multi" for backbone in BACKBONES),
    *("zf5 spp_30bins", "overfeat7 spp_random"),
]

# Columns of Tables 6 and 7: the paper's column, the network, and its image views by size.
TRANSFER = {
    "table6": {
        "a": ("a_noSPP_ZF5_crop224", "zf5-no_spp-1", ["crop176of176"]),
        "b": ("b_SPP_ZF5_crop224", "zf5-spp_single-1", ["crop176of176"]),
        "c": ("c_SPP_ZF5_full224", "zf5-spp_single-1", ["full176"]),
        "d": ("d_SPP_ZF5_full392", "zf5-spp_single-1", ["full236", "full308", "full377"]),
        "e": ("e_SPP_O7_full364", "overfeat7-spp_multi-1", ["full286"]),
    },
    "table7": {
        "a": ("a_noSPP_ZF5_crop224", "zf5-no_spp-1", ["crop176of176"]),
        "b": ("b_SPP_ZF5_crop224", "zf5-spp_single-1", ["crop176of176"]),
        "c": ("c_SPP_ZF5_full224", "zf5-spp_single-1", ["full176"]),
        "d": ("d_SPP_O7_full224", "overfeat7-spp_multi-1", ["full176"]),
        "warped": (None, "zf5-spp_single-1", ["warp176"]),
    },
}
IMAGE_VIEWS = {
    "crop176of176": {"input": "crop", "size": 176, "crop": 176},
    "full176": {"input": "full", "size": 176},
    "full236": {"input": "full", "size": 236},
    "full286": {"input": "full", "size": 286},
    "full308": {"input": "full", "size": 308},
    "full377": {"input": "full", "size": 377},
    "warp176": {"input": "warp", "size": 176},
}

# Columns of Table 9: title, the paper's column and the network; and SPP-net's scales in order.
DETECTORS = {
    "spp_1sc": ("SPP (1-sc) (ZF-5)", "SPP_1sc_ZF5", "zf5"),
    "spp_5sc": ("SPP (5-sc) (ZF-5)", "SPP_5sc_ZF5", "zf5"),
    "rcnn": ("R-CNN (Alex-5)", "RCNN_Alex5", "alex5"),
}
SCALES = {"spp_1sc": [453], "spp_5sc": [377, 453, 541, 679, 943]}


@dataclass(frozen=True)
class Job:
    """A job of a run: its command with what it is given, and the files Snakemake knows of."""

    verb: str
    options: dict[str, list[str]]
    inputs: set[str]
    outputs: list[str]
    threads: int
    line: str
    folder: Path

    def parts(self, option):
        """Values of an option that are pieces of JSON."""
        return [json.loads(value) for value in self.options[option]]

    def requests(self):
        """All that stands in files that the plan has written for a job."""
        paths = re.findall(r"work/requests/\S+", self.line)
        return "".join((self.folder / path).read_text() for path in paths)

    def request(self, option):
        """What stands in the file that the plan has written for a job."""
        (path,) = self.options[option]
        return json.loads((self.folder / path).read_text())


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = folder / "mini_long.yaml"
    config.write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return jobs_of(config, folder)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return jobs_of("config/voc07.yaml", tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return jobs_of("config/paper.yaml", tmp_path_factory.mktemp("run"))


def jobs_of(config, folder):
    """Jobs of a whole run by each of the files that they write."""
    printed = dry_run(config, folder)
    # a dry run writes no requests; a summary does
    assert try_dry_run(config, folder, "--summary", "--forceall").returncode == 0
    pattern = r"^(?:local)?rule \w+:\n((?:    .*\n)+)Shell command: (.*) > "
    blocks = re.findall(pattern, printed, re.MULTILINE)
    made = [job_of(block, line, folder) for block, line in blocks]
    assert len(made) == int(re.search(r"^total +(\d+)$", printed, re.MULTILINE)[1]) - 1  # `all`
    return {file: job for job in made for file in job.outputs}


def job_of(block, line, folder):
    """A job from what a dry run prints of it."""
    named = dict(re.findall(r"^    (input|output|threads): (.*)$", block, re.MULTILINE))
    _, verb, *words = shlex.split(line)
    options = {}
    for word in words:
        if word.startswith("--"):
            values = options.setdefault(word.removeprefix("--"), [])
        else:
            values.append(word)
    inputs = set(named.get("input", "").split(", ")) - {""}
    outputs, threads = named["output"].split(", "), int(named.get("threads", 1))
    return Job(verb, options, inputs, outputs, threads, line, folder)


def expected(*settings):
    """Options of a command for settings; null and empty lists are left out."""
    options = {}
    for key, value in (pair for each in settings for pair in each.items()):
        name = key.replace("_", "-")
        if isinstance(value, bool):
            options[name if value else f"no-{name}"] = []
        elif value not in (None, []):
            options[name] = read_words(value if isinstance(value, list) else [value])
    return options


def read_words(words):
    """Words of a command line, numbers as numbers: 20 and 20.0 are one."""
    return [float(word) if re.fullmatch(r"-?\d+(\.\d+)?", str(word)) else word for word in words]


def given(job, *apart):
    """Options of a job that make its result, but for those that a test checks apart."""
    machine = ("threads", "workers", "work")  # and the place of its restart state
    names = [name for name in job.options if name not in (*machine, *apart)]
    return {name: read_words(job.options[name]) for name in names}


def outputs_of(jobs, verb):
    """First outputs of all jobs of a command."""
    return {job.outputs[0] for job in jobs.values() if job.verb == verb}


def network(name, suffix="safetensors"):
    return f"{RUN}/networks/{name}.{suffix}"


def scores(text, suffix="safetensors"):
    """Files of "backbone training view_set", one per seed, or of all networks combined."""
    if text == "combined":
        return [f"{RUN}/views/combined.{suffix}"]
    backbone, training, view_set = text.split()
    return [f"{RUN}/views/{backbone}-{training}-{seed}/{view_set}.{suffix}" for seed in SEEDS]


# Claims and tables


def test_all_claims_of_the_paper_are_tested(jobs):
    job = jobs[f"{RESULTS}/claims.csv"]
    claims = [each["claim"] for each in job.request("comparisons")["comparisons"]]
    assert sorted(claims) == sorted(COMPARED) == sorted(CLAIMS)
    assert given(job, "comparisons", "reference") == expected(
        INTERVALS, {"csv": f"{RESULTS}/claims.csv", "json": f"{RESULTS}/claims.json"}
    )


def side(networks, text):
    """Files of a claim's side, and the part of them."""
    kind, name = text.split()
    if kind.endswith("timing"):
        return {"files": [f"{RUN}/{kind}.json"], "part": name}
    if kind == "evaluation":
        return {"files": [f"{RUN}/detectors/{name}/evaluation.json"], "part": ""}
    if kind in TRANSFER:
        return {"files": [f"{RUN}/transfer/{kind}/{name}.json"], "part": ""}
    return {"files": scores(f"{networks} {kind} {name}"), "part": ""}


@pytest.mark.parametrize("claim", COMPARED)
def test_claims_compare_what_they_say(jobs, claim):
    comparisons = jobs[f"{RESULTS}/claims.csv"].request("comparisons")["comparisons"]
    networks, images, ours, reference = COMPARED[claim]
    backbones = " and ".join(SIZED_BACKBONES[name] for name in networks.split())
    assert [each for each in comparisons if each["claim"] == claim] == [
        {
            "claim": claim,
            "measured_on": f"{backbones}, generated {images} set",
            "not_comparable": "narrower networks, generated images",
            "manifest": CLASSIFICATION if CLAIMS[claim].needs_aspects else None,
            "ours": side(networks, ours),
            "reference": side(networks, reference),
        }
    ]


def files_beside_the_paper(jobs, folder):
    """Files of cells by the paper's row and column, and of whole columns by table and column."""
    found = {}
    for name in ("table2", "table3", "ablations"):
        for cell in jobs[f"{folder}/{name}.csv"].request("cells")["cells"]:
            found[cell["paper"]["row"], cell["paper"]["column"]] = cell["files"]
    for table, key in ((6, "result"), (7, "result"), (9, "evaluation")):
        for column in jobs[f"{folder}/table{table}.csv"].request("columns")["columns"]:
            found[table, column["reference"]] = [column[key]]
    return found


@pytest.mark.parametrize(("run", "folder"), [("jobs", RESULTS), ("paper", "results/paper")])
def test_claims_read_the_cells_beside_the_papers_numbers(request, run, folder):
    """A claim names two numbers of the paper, and a table prints what was measured beside each."""
    jobs = request.getfixturevalue(run)
    beside, checked = files_beside_the_paper(jobs, folder), set()
    for each in jobs[f"{folder}/claims.csv"].request("comparisons")["comparisons"]:
        claim = CLAIMS[each["claim"]]
        if claim.paper is None or claim.is_ratio or claim.paper[0].table == "views":
            continue  # times are no cells, and the views of the paper's text in no table
        for side, key in zip(("ours", "reference"), claim.paper, strict=True):
            cell = (key.row, key.column)
            files = beside[cell if cell in beside else (key.table, key.column)]
            assert each[side] == {"files": files, "part": ""}, claim.name
        checked.add(claim.name)
    assert len(checked) == 23


@pytest.mark.parametrize("table", ERROR_CELLS)
def test_cells_of_error_tables_show_what_their_headings_say(jobs, table):
    name = "ablations" if table == "ablations" else f"table{table}"
    job = jobs[f"{RESULTS}/{name}.csv"]
    request = job.request("cells")
    found = [
        (*(each[key] for key in ("row", "column", "metric", "paper")), each["files"])
        for each in request["cells"]
    ]
    assert request["table"] == table
    assert found == [
        (row, column, metric, number(table, paper), scores(text))
        for row, column, metric, paper, text in ERROR_CELLS[table]
    ]
    assert given(job, "cells", "reference") == expected(
        INTERVALS, {"csv": f"{RESULTS}/{name}.csv", "json": f"{RESULTS}/{name}.json"}
    )


def number(table, paper):
    """Key of a number of the paper; the ablations stand beside rows of Table 2."""
    if paper is None:
        return None
    row, column = paper
    if table == "ablations" and row.startswith(("no_SPP", "SPP_single", "SPP_multi")):
        table = 2
    return {"table": table if table == "ablations" else int(table), "row": row, "column": column}


def test_table_5_combines_the_multi_size_networks(jobs):
    members = ("zf5 spp_multi", "convnet5 spp_multi", "overfeat5 spp_multi", "overfeat7 spp_multi")
    (output,), (metrics,) = scores("combined"), scores("combined", "json")
    files = [file for member in members for file in scores(f"{member} ten_crops")]
    assert given(jobs[output]) == expected({"scores": files, "output": output, "metrics": metrics})


@pytest.mark.parametrize(
    ("table", "columns", "warped"),
    [
        ("table6", "abcde", None),
        ("table7", "abcd", {"beside": "c", "result": f"{RUN}/transfer/table7/warped.json"}),
    ],
)
def test_columns_of_tables_6_and_7_are_their_results(jobs, table, columns, warped):
    own, job = CONFIG["transfer"][table]["columns"], jobs[f"{RESULTS}/{table}.csv"]
    assert job.request("columns") == {
        "table": int(table.removeprefix("table")),
        "columns": [
            {
                "name": column,
                "title": own[column]["title"],
                "reference": TRANSFER[table][column][0],
                "result": f"{RUN}/transfer/{table}/{column}.json",
                "layer": None,
            }
            for column in columns
        ],
        "warped": warped,
    }
    assert given(job, "columns", "reference") == expected(
        {"csv": f"{RESULTS}/{table}.csv", "json": f"{RESULTS}/{table}.json"}
    )


def test_table_8_shows_one_column_and_layer_of_each_set(jobs):
    job = jobs[f"{RESULTS}/table8.csv"]
    columns = [
        ("voc07", "VOC07", "table6/e", "fc7"),
        ("caltech101", "Caltech101", "table7/d", "spp"),
    ]
    assert job.request("columns") == {
        "table": 8,
        "columns": [
            {
                "name": name,
                "title": title,
                "reference": name,
                "result": f"{RUN}/transfer/{result}.json",
                "layer": layer,
            }
            for name, title, result, layer in columns
        ],
        "warped": None,
    }
    assert given(job, "columns", "reference") == expected(
        {"csv": f"{RESULTS}/table8.csv", "json": f"{RESULTS}/table8.json"}
    )


def test_columns_of_table_9_are_their_evaluations(jobs):
    job = jobs[f"{RESULTS}/table9.csv"]
    assert job.request("columns")["columns"] == [
        {
            "name": name,
            "title": title,
            "reference": paper,
            "evaluation": f"{RUN}/detectors/{name}/evaluation.json",
        }
        for name, (title, paper, _) in DETECTORS.items()
    ]
    assert given(job, "columns", "reference") == expected(
        INTERVALS,
        {
            "baseline": "rcnn",
            "timing": f"{RUN}/timing.json",
            "csv": f"{RESULTS}/table9.csv",
            "json": f"{RESULTS}/table9.json",
        },
    )


def test_tables_have_the_papers_numbers_beside_them(jobs):
    tables = {job.outputs[0]: job for job in jobs.values() if job.verb.startswith("tabulate")}
    names = (*range(1, 10), "ablations", "claims")
    assert set(tables) == {
        f"{RESULTS}/{f'table{name}' if isinstance(name, int) else name}.csv" for name in names
    }
    del tables[f"{RESULTS}/table1.csv"]  # read off the layers
    for job in tables.values():
        (reference,) = job.options["reference"]
        assert reference.endswith("/sppnet/report/reference.csv") and reference in job.inputs


def test_table_1_is_of_the_papers_backbones(jobs):
    assert given(jobs[f"{RESULTS}/table1.csv"]) == expected(
        {"backbones": list(BACKBONES), "input_size": 224},
        {"csv": f"{RESULTS}/table1.csv", "json": f"{RESULTS}/table1.json"},
    )


# Times


def test_detectors_are_timed_with_their_own_weights(jobs):
    job = jobs[f"{RUN}/timing.json"]
    assert job.request("columns")["columns"] == [
        {
            "name": name,
            "weights": network(backbone),
            "finetuned": f"{RUN}/detectors/{name}/finetuned.safetensors",
            "svm": f"{RUN}/detectors/{name}/svm.safetensors",
            "pooling": None if name == "rcnn" else boxes(name),
            "warp": boxes(name) if name == "rcnn" else None,
        }
        for name, (_, _, backbone) in DETECTORS.items()
    ]
    assert given(job, "columns") == expected(
        {"manifest": VOC, "proposals": f"{RUN}/proposals/test.parquet"},
        {name: CONFIG["timing"][name] for name in ("images", "repeats", "batch")},
        CONFIG["inference"],
        {"output": f"{RUN}/timing.json"},
    )


def test_views_are_timed_on_the_network_of_table_4(jobs):
    job = jobs[f"{RUN}/views_timing.json"]
    names = ("ten_crops", "ten_on_map", "six_scales", "six_scales_full")
    request = job.request("view-sets")
    assert request == {"view_sets": {name: CONFIG["view_sets"][name] for name in names}}
    assert list(request["view_sets"]) == list(names)
    assert given(job, "view-sets") == expected(
        {"manifest": CLASSIFICATION, "weights": network("overfeat7-spp_multi-1")},
        CONFIG["timing"]["views"],
        CONFIG["inference"],
        {"output": f"{RUN}/views_timing.json"},
    )


def test_training_is_timed_at_one_size_and_at_two(jobs):
    job = jobs[f"{RUN}/training_timing.json"]
    variants, shared = CONFIG["classifiers"]["variants"], CONFIG["classifiers"]["training"]
    assert job.request("variants")["variants"] == [
        {
            "name": name,
            "weights": network(f"overfeat7-{name}-1"),
            "sizes": variants[name]["sizes"],
            "size_choice": variants[name]["size_choice"],
        }
        for name in ("spp_single", "spp_multi")
    ]
    names = ("resize", "crop", "batch", "learning_rate", "momentum", "weight_decay", "colour")
    assert given(job, "variants") == expected(
        {"manifest": CLASSIFICATION, "seed": 1},
        {name: shared[name] for name in (*names, "optimiser", "dropout", "precision")},
        CONFIG["timing"]["training"],
        {"output": f"{RUN}/training_timing.json"},
    )


# Detection


def seen(detector, split):
    """Features of a detector on a split: SPP-net's are maps, by scale; R-CNN's are of regions."""
    if detector == "rcnn":
        names = [f"rcnn/{state}" for state in ("pretrained", "finetuned")]
    else:
        names = [f"zf5/{scale}" for scale in SCALES[detector]]
    return {"features": [f"{RUN}/features/{name}/{split}.npy" for name in names]}


def boxes(detector):
    """How a detector warps boxes, or pools them."""
    own = CONFIG["detectors"][detector]
    if detector == "rcnn":
        return {"crop": own["crop"], "context": own["context"]}
    return {"scales": SCALES[detector], "target": own["target"], "shrink": own["shrink"]}


def pooling(detector):
    """How SPP-net pools a box; R-CNN has done so in its features."""
    if detector == "rcnn":
        return {"images": CONFIG["detectors"][detector]["images"]}
    return boxes(detector)


def read(detector, split):
    """What every stage of a detector reads: images, proposals and the network it starts from."""
    return {
        "manifest": VOC,
        "proposals": f"{RUN}/proposals/{split}.parquet",
        "weights": network(DETECTORS[detector][2]),
    }


@pytest.mark.parametrize("detector", DETECTORS)
def test_fine_tuning_is_on_boxes_of_trainval(jobs, detector):
    folder = f"{RUN}/detectors/{detector}"
    files = {"output": f"{folder}/finetuned.safetensors", "history": f"{folder}/finetune.csv"}
    job = jobs[files["output"]]
    assert job.verb == ("finetune-rcnn" if detector == "rcnn" else "finetune")
    features = {} if detector == "rcnn" else seen(detector, "trainval")
    settings = CONFIG["finetune"][CONFIG["detectors"][detector]["method"]]
    assert given(job) == expected(
        read(detector, "trainval"), features, boxes(detector), settings, files
    )


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("stage", ["svm", "bbox"])
def test_svms_and_regressors_learn_from_trainval(jobs, stage, detector):
    folder, method = f"{RUN}/detectors/{detector}", CONFIG["detectors"][detector]["method"]
    job = jobs[f"{folder}/{stage}.safetensors"]
    assert job.verb == f"train-{stage}"
    assert given(job) == expected(
        {"finetuned": f"{folder}/finetuned.safetensors"},
        read(detector, "trainval"),
        seen(detector, "trainval"),
        pooling(detector),
        CONFIG[stage][method],
        CONFIG["inference"] if stage == "svm" else {},
        {"output": f"{folder}/{stage}.safetensors"},
        {"report": f"{folder}/svm.json"} if stage == "svm" else {},
    )


@pytest.mark.parametrize("detector", DETECTORS)
def test_detections_are_of_test_images(jobs, detector):
    folder = f"{RUN}/detectors/{detector}"
    assert given(jobs[f"{folder}/detections.parquet"]) == expected(
        {
            "finetuned": f"{folder}/finetuned.safetensors",
            "svm": f"{folder}/svm.safetensors",
            "bbox": f"{folder}/bbox.safetensors",
            "output": f"{folder}/detections.parquet",
        },
        read(detector, "test"),
        seen(detector, "test"),
        pooling(detector),
        CONFIG["detection"],
        CONFIG["inference"],
    )


@pytest.mark.parametrize("detector", DETECTORS)
def test_detectors_are_evaluated_by_their_detections(jobs, detector):
    folder = f"{RUN}/detectors/{detector}"
    assert given(jobs[f"{folder}/evaluation.json"]) == expected(
        {"manifest": VOC, "detections": f"{folder}/detections.parquet"},
        CONFIG["evaluation"],
        {"output": f"{folder}/evaluation.json"},
    )


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_region_features_are_of_the_network_in_their_state(jobs, split):
    images = {"images": CONFIG["detectors"]["rcnn"]["images"]}
    weights = {
        "pretrained": network("alex5"),
        "finetuned": f"{RUN}/detectors/rcnn/finetuned.safetensors",
    }
    for state, file in weights.items():
        output = f"{RUN}/features/rcnn/{state}/{split}.npy"
        assert given(jobs[output]) == expected(
            {"split": split, "manifest": VOC, "proposals": f"{RUN}/proposals/{split}.parquet"},
            {"weights": file, "output": output},
            boxes("rcnn"),
            images,
            CONFIG["inference"],
        )


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_maps_are_of_their_network_at_their_scale(jobs, split):
    assert len(outputs_of(jobs, "cache-maps")) == 2 * len(SCALES["spp_5sc"])
    for scale in SCALES["spp_5sc"]:
        output = f"{RUN}/features/zf5/{scale}/{split}.npy"
        assert given(jobs[output]) == expected(
            {"manifest": VOC, "weights": network("zf5"), "split": split, "size": scale},
            CONFIG["inference"],
            {"output": output},
        )


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_proposals_are_of_their_split(jobs, split):
    output = f"{RUN}/proposals/{split}.parquet"
    assert given(jobs[output]) == expected(
        {"manifest": VOC, "split": split, "output": output},
        {"recall": f"{RUN}/proposals/{split}.json"},
        CONFIG["proposals"],
    )


# Networks, and their tests on views


def test_networks_are_trained_as_their_own_entry_says(jobs):
    own, trained = CONFIG["classifiers"], {}
    for name, entry in CONFIG["networks"].items():
        trained[name] = expected(entry["architecture"], entry["training"])
    for text, seed in product(TRAININGS, SEEDS):
        backbone, way = text.split()
        column, row = own["backbones"][backbone], own["variants"][way]
        trained[f"{backbone}-{way}-{seed}"] = expected(
            {"backbone": backbone, "width": column["width"], "epochs": column["epochs"]},
            {name: row[name] for name in ("levels", "sizes", "size_choice")},
            own["head"],
            own["training"],
            {"seed": seed},
        )
    assert outputs_of(jobs, "pretrain") == {network(name) for name in trained}
    for name, options in trained.items():
        job = jobs[network(name)]
        files = {"weights": network(name), "history": network(name, "csv")}
        assert given(job) == options | expected(
            {"manifest": CLASSIFICATION, "metrics": network(name, "json"), "map_std": 1}, files
        )
        assert job.options["work"] == [f"work/pretrain/{name}"]


def test_views_of_a_network_are_those_of_the_path(jobs):
    tested = [f"{training} ten_crops" for training in TRAININGS]
    for backbone, way, view_set in product(
        ("zf5", "overfeat7"), ("spp_single", "spp_multi"), ("one_crop", "one_full")
    ):
        tested.append(f"{backbone} {way} {view_set}")
    for view_set in ("ten_on_map", "six_scales", "six_scales_full"):
        tested.append(f"overfeat7 spp_multi {view_set}")
    assert outputs_of(jobs, "classify") == {file for text in tested for file in scores(text)}
    for text in tested:
        backbone, way, view_set = text.split()
        files = zip(SEEDS, scores(text), scores(text, "json"), strict=True)
        for seed, output, metrics in files:
            name = f"{backbone}-{way}-{seed}"
            base = f"{RUN}/views/{name}/six_scales.safetensors"  # all views but the full one
            assert given(jobs[output]) == expected(
                {"manifest": CLASSIFICATION, "weights": network(name)},
                {"base": base if view_set == "six_scales_full" else None},
                {"view_set": view_set, "scores": output, "metrics": metrics},
                CONFIG["view_sets"][view_set],
                CONFIG["inference"],
            )


# Figures


def drawn(name):
    """The two files of a figure."""
    return {kind: f"{RESULTS}/figures/{name}.{kind}" for kind in ("png", "svg")}


def test_pages_of_photographs_have_no_svg_form(jobs):
    """It would be several times as large as the PNG, with the same pixels in it."""
    plots = ["claims", "error_by_views", *(f"learning_curves_{backbone}" for backbone in BACKBONES)]
    pages = [
        f"{RESULTS}/figures/{name}.png" for name in ("view_positions", "responses", "detections")
    ]
    figures = {output for output in jobs if output.startswith(f"{RESULTS}/figures/")}
    assert figures == {*(path for name in plots for path in drawn(name).values()), *pages}


@pytest.mark.parametrize("backbone", BACKBONES)
def test_learning_curves_are_of_the_training_in_their_title(jobs, backbone):
    files = drawn(f"learning_curves_{backbone}")
    job = jobs[files["png"]]
    assert job.request("curves")["variants"] == [
        {"name": title, "files": [network(f"{backbone}-{way}-{seed}", "csv") for seed in SEEDS]}
        for title, way in (
            ("no SPP", "no_spp"),
            ("SPP single-size trained", "spp_single"),
            ("SPP multi-size trained", "spp_multi"),
        )
    ]
    assert given(job, "curves") == expected(files)


def test_the_cost_of_views_is_drawn_from_their_scores_and_times(jobs):
    job = jobs[f"{RESULTS}/figures/error_by_views.png"]
    assert job.request("points")["points"] == [
        {
            "series": series,
            "label": label,
            "view_set": view_set,
            "scores": scores(f"overfeat7 spp_multi {view_set}"),
            "metrics": scores(f"overfeat7 spp_multi {view_set}", "json"),
        }
        for series, label, view_set in (
            ("crops", "ten crops", "ten_crops"),
            ("feature maps", "ten on map", "ten_on_map"),
            ("feature maps", "six scales", "six_scales"),
            ("feature maps", "six scales full", "six_scales_full"),
        )
    ]
    assert given(job, "points") == expected(
        INTERVALS, {"timing": f"{RUN}/views_timing.json"}, drawn("error_by_views")
    )


def test_other_figures_show_what_their_settings_name(jobs):
    names, view_set = ("window", "positions", "scales"), CONFIG["view_sets"]["six_scales"]
    assert given(jobs[f"{RESULTS}/figures/view_positions.png"]) == expected(
        {"manifest": CLASSIFICATION, "backbone": "overfeat7"},
        {name: view_set[name] for name in names},
        {"output": f"{RESULTS}/figures/view_positions.png"},
    )
    output = f"{RESULTS}/figures/responses.png"
    assert given(jobs[output]) == expected(
        {"manifest": VOC, "weights": network("zf5"), "output": output},
        {name: own for name, own in CONFIG["responses"].items() if name != "network"},
        CONFIG["inference"],
    )
    output = f"{RESULTS}/figures/detections.png"
    assert given(jobs[output]) == expected(
        {"manifest": VOC, "detections": f"{RUN}/detectors/spp_5sc/detections.parquet"},
        {name: own for name, own in CONFIG["figures"].items() if name != "detector"},
        {"nms": CONFIG["evaluation"]["nms"], "output": output},
    )


# Transfer


def image_features(table, column, part):
    """Features of whole images that a column is about, in the order of its sizes."""
    _, name, views = TRANSFER[table][column]
    return [f"{RUN}/image_features/{name}/{view}/{part}.npy" for view in views]


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table in TRANSFER for column in TRANSFER[table]]
)
def test_columns_of_transfer_learn_from_their_own_features(jobs, table, column):
    folder, own = f"{RUN}/transfer/{table}", CONFIG["transfer"]
    shared = {name: own[name] for name in ("cost", "seed")}
    files = {"output": f"{folder}/{column}.json", "outcomes": f"{folder}/{column}.parquet"}
    if table == "table6":
        settings = {
            "manifest": VOC,
            "features": image_features(table, column, "trainval"),
            "test_features": image_features(table, column, "test"),
            "holdout": own["table6"]["holdout"],
            "bootstrap": own["bootstrap"],
        }
    else:
        names = ("train_per_class", "test_per_class", "splits", "split_halves")
        settings = {
            "manifest": CALTECH,
            "features": image_features(table, column, "all"),
            **{name: own["table7"][name] for name in names},
        }
    assert given(jobs[files["output"]]) == expected(settings, shared, files)


def test_features_of_images_are_of_their_network_view_and_set(jobs):
    sets = {"table6": {"trainval": VOC, "test": VOC}, "table7": {"all": CALTECH}}
    wanted = {
        f"{RUN}/image_features/{name}/{view}/{part}.npy": expected(
            {"manifest": manifest, "weights": network(name), "split": part},
            {"dataset": "detection" if table == "table6" else "caltech101"},
            IMAGE_VIEWS[view],
            CONFIG["inference"],
        )
        for table, columns in TRANSFER.items()
        for _, name, views in columns.values()
        for view, (part, manifest) in product(views, sets[table].items())
    }
    assert outputs_of(jobs, "cache-image-features") == set(wanted)
    for output, options in wanted.items():
        assert given(jobs[output]) == options | {"output": [output]}


# Sets, and what holds for all jobs


def test_generated_sets_have_their_own_settings(jobs):
    own = CONFIG["scenes"]
    shared = {name: own[name] for name in Drawing.model_fields}
    one_object = {
        "sides": own["classification_sides"],
        "object_sides": own["classification_object_sides"],
        "objects": [1, 1],
        "cut": 0,
    }
    several_objects = {
        name: own[f"detection_{name}"] for name in ("sides", "object_sides", "objects", "cut")
    }
    layouts = {
        "VOCdevkit": {"images": [own["detection_trainval"], own["detection_test"]]}
        | several_objects,
        "ImageFolder": {"images": [own["classification_train"], own["classification_validation"]]}
        | one_object,
        "caltech101": {"images": own["caltech_per_class"] * len(IMAGE_CLASSES)} | one_object,
    }
    assert outputs_of(jobs, "generate") == {f"{RUN}/scenes/{layout}" for layout in layouts}
    for layout, settings in layouts.items():
        output = f"{RUN}/scenes/{layout}"
        assert given(jobs[output]) == expected(
            settings, shared, {"layout": layout, "output": output, "digest": f"{output}.json"}
        )


@pytest.mark.parametrize(
    ("name", "layout", "settings"),
    [
        ("voc", "VOCdevkit/VOC2007", {"trainval": "trainval", "test": "test"}),
        ("image_folder", "ImageFolder", {}),
        (
            *("caltech101", "caltech101"),
            {"train_per_class": CONFIG["transfer"]["table7"]["train_per_class"]},
        ),
    ],
)
def test_sets_are_read_from_where_they_were_drawn(jobs, name, layout, settings):
    job, folder = jobs[f"{RUN}/{name}.parquet"], f"{RUN}/scenes/{layout.partition('/')[0]}"
    folder_option = "voc" if name == "voc" else "root"
    assert given(job) == expected(
        {folder_option: f"{RUN}/scenes/{layout}", "manifest": f"{RUN}/{name}.parquet"},
        {"problems": f"{RUN}/{name}_problems.csv"},
        settings,
    )
    assert job.inputs == {folder, f"{folder}.json"}


def test_the_papers_networks_learn_from_stores_of_imagenet(paper):
    run = "artifacts/paper"
    manifest, store = f"{run}/imagenet.parquet", f"{run}/store"
    settings = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    assert given(paper[manifest]) == expected(
        {"root": settings["data"]["imagenet"], "manifest": manifest},
        {"problems": f"{run}/imagenet_problems.csv"},
    )
    for part in ("train", "val"):
        files = {"output": f"{store}/{part}", "digest": f"{store}/{part}.json"}
        assert given(paper[f"{store}/{part}"]) == expected(
            {"manifest": manifest, "dataset": "classification", "split": part},
            settings["store"],
            files,
        )
    for job in paper.values():
        if job.verb in ("pretrain", "measure-training-speed"):
            stores = (job.options["store"], job.options["validation-store"])
            assert stores == ([f"{store}/train"], [f"{store}/val"])
            assert {f"{store}/train.json", f"{store}/val.json"} <= job.inputs
        if job.verb in ("classify", "measure-view-speed", "draw-view-positions"):
            assert job.options["manifest"] == [manifest]


def test_backbones_from_elsewhere_are_frozen_parts_of_their_networks(photographs):
    settings = yaml.safe_load((ROOT / "config/voc07.yaml").read_text())["networks"]
    folder = "artifacts/voc07/networks"
    names = ("squeezenet_spp", "squeezenet_crop", "efficientnet_spp", "efficientnet_crop")
    for name in names:
        backbone = f"{folder}/{name}.backbone.safetensors"
        source = settings[name]["imported_backbone"]["source"]
        assert given(photographs[backbone]) == expected(
            {
                "source": source,
                "backbone": settings[name]["architecture"]["backbone"],
                "output": backbone,
            }
        )
        files = set() if source.startswith("package:") else {source}
        assert photographs[backbone].inputs == files
        options = photographs[f"{folder}/{name}.safetensors"].options
        assert options["backbone-weights"] == [backbone] and "freeze-backbone" in options
    with_backbone = {
        job.outputs[0] for job in photographs.values() if "backbone-weights" in job.options
    }
    assert with_backbone == {f"{folder}/{name}.safetensors" for name in names}


def test_a_detector_on_few_photographs_is_trained_and_evaluated_on_as_many(photographs):
    """Maps, which detectors share, are of all images."""
    stages = ("finetuned.safetensors", "svm.safetensors", "bbox.safetensors")
    stages += ("detections.parquet", "evaluation.json")
    methods = ("rcnn", "rcnn_efficientnet")
    detectors = (*methods, "spp_5sc_150", "efficientnet_5sc_150")
    features = product(methods, ("pretrained", "finetuned"), ("trainval", "test"))
    few = {f"artifacts/voc07/detectors/{d}/{stage}" for d, stage in product(detectors, stages)}
    few |= {f"artifacts/voc07/features/{d}/{state}/{split}.npy" for d, state, split in features}
    limited = {
        job.outputs[0]: job.options["images"]
        for job in photographs.values()
        if "images" in job.options and not job.verb.startswith(("measure", "draw"))
    }
    assert limited == {file: ["150"] for file in few}


def test_times_are_measured_with_nothing_beside_them(jobs):
    for name in ("timing", "views_timing", "training_timing"):
        assert jobs[f"{RUN}/{name}.json"].threads == CORES


def test_jobs_wait_for_the_files_in_their_commands_and_for_no_others(jobs):
    for job in jobs.values():
        if job.verb.startswith("prepare"):
            continue
        named = set(re.findall(rf"{RUN}/[\w./-]+", job.line + job.requests()))
        inputs = {file for file in job.inputs if file.startswith(f"{RUN}/")}
        assert named - set(job.outputs) == inputs, job.line


def test_no_two_jobs_share_their_restart_state(jobs):
    folders = {}
    for job in jobs.values():
        for folder in job.options.get("work", []):
            assert folders.setdefault(folder, job) is job
