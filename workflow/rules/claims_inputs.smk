"""The claims that a configuration can test, and the list of its results."""

from sppnet.report.claims import CLAIMS


def comparison(claim, where, ours, reference):
    """A comparison as its command takes it; a side is files, or files and a detector's name."""
    sides = [
        side if isinstance(side, tuple) else (side, None) for side in (ours, reference)
    ]
    parts = [{"files": files, "part": part} for files, part in sides]
    return {
        "claim": claim,
        "measured_on": where,
        "ours": parts[0],
        "reference": parts[1],
    }


def classification_claims():
    """Claims about Tables 2 to 4, for the backbones at hand."""
    if not ERRORS:
        return []
    table2, table3, table4 = (ERRORS[f"table{number}"] for number in (2, 3, 4))
    plain, single, multi = table2["regimes"]
    where, found = "classification set", []
    scores = lambda backbone, regime: score_files(backbone, regime, table2["views"])
    for backbone in TRAINED["backbones"]:
        sides = [scores(backbone, regime) for regime in (plain, single, multi)]
        found.append(comparison(f"spp_{backbone}", where, sides[1], sides[0]))
        found.append(comparison(f"multi_size_{backbone}", where, sides[2], sides[1]))
    own = ERRORS["ablations"]
    backbone = own["fewer_bins_backbone"]
    sides = [scores(backbone, regime) for regime in (own["fewer_bins"], plain)]
    found.append(comparison("fewer_bins", where, *sides))
    backbone = own["random_size_backbone"]
    one, two, random = (
        scores(backbone, regime) for regime in (single, multi, own["random_size"])
    )
    found.append(comparison("random_size_better_than_one", where, random, one))
    found.append(comparison("random_size_worse_than_two", where, two, random))
    for backbone, (train, regime) in product(
        table3["backbones"], table3["regimes"].items()
    ):
        sides = [
            score_files(backbone, regime, table3[view]) for view in ("full", "crop")
        ]
        found.append(comparison(f"full_image_{backbone}_{train}", where, *sides))
    backbone, regime = table4["backbone"], table4["regime"]
    views = lambda name, kind="safetensors": score_files(
        backbone, regime, table4[name], kind
    )
    found.append(comparison("views_96", where, views("many"), views("few")))
    found.append(comparison("views_98", where, views("most"), views("few")))
    found.append(comparison("views_full", where, views("most"), views("many")))
    found.append(comparison("map_views_equal", where, views("maps"), views("crops")))
    times = views("maps", "json"), views("crops", "json")
    found.append(comparison("map_views_faster", where, *times))
    curves = [curves_of(backbone, each) for each in (multi, single)]
    found.append(comparison("two_sizes_time", where, *curves))
    return found


def transfer_claims():
    """Claims about Tables 6 and 7, for the columns that the paper's claims are about."""
    found = []
    for claim, table, ours, reference in (
        ("voc07_full_image", "table6", "c", "b"),
        ("voc07_larger_scale", "table6", "d", "c"),
        ("caltech101_pyramid", "table7", "c", "c"),
    ):
        columns = TRANSFER[table]["columns"]
        if {ours, reference} <= set(columns):
            sides = [
                [f"<artifacts>/transfer/{table}/{name}.json"]
                for name in (ours, reference)
            ]
            where = {"table6": "VOC set", "table7": "Caltech-101 set"}[table]
            found.append(comparison(claim, where, *sides))
    return found


def detection_claims():
    """Claims about Table 9; on accuracy only where R-CNN has learned from the same images."""
    detectors = {config["detectors"][name]["reference"]: name for name in COLUMNS}
    one, five = (detectors.get(f"SPP_{number}sc_ZF5") for number in (1, 5))
    baseline, where = config["table9"]["baseline"], "detection set"
    whole = lambda name: [f"<artifacts>/detectors/{name}/evaluation.json"]
    timed = lambda name: (["<artifacts>/timing.json"], name)
    found = []
    if one and five:
        found.append(comparison("five_scales", where, whole(five), whole(one)))
    best = five or one
    found.append(comparison("fine_tuning", where, whole(best), whole(best)))
    found.append(comparison("box_regression", where, whole(best), whole(best)))
    if config["detectors"][baseline]["method"] != "rcnn":
        return found
    if SAME_IMAGES:
        sides = whole(best), whole(baseline)
        found.append(comparison("as_accurate_as_rcnn", where, *sides))
    for name, words in ((one, "one_scale"), (five, "five_scales")):
        if name:
            sides = timed(name), timed(baseline)
            found.append(comparison(f"faster_than_rcnn_{words}", where, *sides))
    return found


def all_comparisons():
    """Every claim that the configuration can test; the paper has none about other backbones."""
    found = [*classification_claims(), *transfer_claims(), *detection_claims()]
    return [each for each in found if each["claim"] in CLAIMS]


def claim_files(wildcards):
    """Files behind all claims, each once."""
    sides = [each[side] for each in all_comparisons() for side in ("ours", "reference")]
    return list(dict.fromkeys(file for side in sides for file in side["files"]))


def claim_settings(wildcards):
    """Comparisons as the command takes them."""
    settings = {name: config["evaluation"][name] for name in ("bootstrap", "seed")}
    comparisons = [json.dumps(each) for each in all_comparisons()]
    return flags({"comparison": comparisons} | settings)


def all_results():
    """Every table and figure that the configuration has settings for."""
    tables = ["table9", "claims"]
    tables += ["table1"] if "table1" in config else []
    tables += [f"table{n}" for n in (2, 3, 4, 5)] + ["ablations"] if ERRORS else []
    tables += [f"table{n}" for n in (6, 7, 8)] if "transfer" in config else []
    figures = ["views", "view_geometry"] if ERRORS else []
    figures += [f"learning_curves_{backbone}" for backbone in TRAINED["backbones"]]
    figures += ["responses"] if "responses" in config else []
    return [
        *expand("<results>/{table}.{kind}", table=tables, kind=["csv", "json"]),
        "<results>/figures/detections.png",
        *expand("<results>/figures/{name}.{kind}", name=figures, kind=["png", "svg"]),
    ]
