"""The claims that a configuration can test, and the list of its results."""

from sppnet.report.claims import CLAIMS, TITLES


def set_name(images):
    """What a set of images is called: as its folder, unless it is generated."""
    if "scenes" in config:
        return f"generated {images} set"
    data = config["data"]
    if images == "classification":
        return Path(data["imagenet"] or data["image_folder"]).name
    return Path(data["voc"] if images == "VOC" else TRANSFER["table7"]["root"]).name


def backbone_and_width(network):
    """Backbone of a network, and its width."""
    own = NETWORKS[network]["architecture"]
    return own["backbone"], own["width"]


def comparison(claim, images, sized_backbones, ours, reference, comparable=True):
    """A comparison as its command takes it; a side is files, or files and a name in them.

    The paper's numbers compare with its own backbones, of whatever width, only.
    """
    networks = dict.fromkeys(
        TITLES.get(backbone, backbone) + (f" of width {width:g}" if width != 1 else "")
        for backbone, width in sized_backbones
    )
    backbones = tuple(backbone for backbone, _ in sized_backbones)
    own = claim in CLAIMS and CLAIMS[claim].backbones == backbones
    sides = [
        side if isinstance(side, tuple) else (side, None) for side in (ours, reference)
    ]
    parts = [{"files": files, "part": part} for files, part in sides]
    return {
        "claim": claim,
        "measured_on": f"{' and '.join(networks)}, {set_name(images)}",
        "comparable": comparable and own,
        "ours": parts[0],
        "reference": parts[1],
    }


def classification_claims():
    """Claims about Tables 2 to 4, for the backbones at hand."""
    if not ERRORS:
        return []
    table2, table3, table4 = (ERRORS[f"table{number}"] for number in (2, 3, 4))
    plain, single, multi = table2["variants"]
    found = []

    def add(claim, backbone, ours, reference):
        sized_backbone = (backbone, TRAINED["backbones"][backbone]["width"])
        found.append(
            comparison(
                claim,
                "classification",
                (sized_backbone, sized_backbone),
                ours,
                reference,
            )
        )

    scores = lambda backbone, variant: score_files(
        backbone, variant, table2["view_set"]
    )
    for backbone in TRAINED["backbones"]:
        sides = [scores(backbone, variant) for variant in (plain, single, multi)]
        add(f"spp_{backbone}", backbone, sides[1], sides[0])
        add(f"multi_size_{backbone}", backbone, sides[2], sides[1])
    own = ERRORS["ablations"]
    backbone = own["fewer_bins_backbone"]
    sides = [scores(backbone, variant) for variant in (own["fewer_bins"], plain)]
    add("fewer_bins", backbone, *sides)
    backbone = own["random_size_backbone"]
    one, two, random = (
        scores(backbone, variant) for variant in (single, multi, own["random_size"])
    )
    add("random_size_better_than_one", backbone, random, one)
    add("random_size_worse_than_two", backbone, two, random)
    for backbone, (train, variant) in product(
        table3["backbones"], table3["variants"].items()
    ):
        sides = [
            score_files(backbone, variant, table3[view]) for view in ("full", "crop")
        ]
        add(f"full_image_{backbone}_{train}", backbone, *sides)
    backbone, variant = table4["backbone"], table4["variant"]
    scores = lambda name: score_files(backbone, variant, table4[name])
    add("views_96", backbone, scores("views_96"), scores("views_10"))
    add("views_98", backbone, scores("views_98"), scores("views_10"))
    add("views_full", backbone, scores("views_98"), scores("views_96"))
    add("map_views_equal", backbone, scores("maps"), scores("crops"))
    times = ["<artifacts>/views_timing.json"]
    add("map_views_faster", backbone, (times, table4["maps"]), (times, table4["crops"]))
    times = ["<artifacts>/training_timing.json"]
    add("two_sizes_time", backbone, (times, multi), (times, single))
    return found


def transfer_claims():
    """Claims about Tables 6 and 7, for the columns that the paper's claims are about."""
    found = []
    for claim, table, images, ours, reference in (
        ("voc07_full_image", "table6", "VOC", "c", "b"),
        ("voc07_larger_scale", "table6", "VOC", "d", "c"),
        ("caltech101_pyramid", "table7", "Caltech-101", "c", "c"),
    ):
        columns = TRANSFER[table]["columns"]
        if {ours, reference} <= set(columns):
            names = (ours, reference)
            sized_backbones = [
                backbone_and_width(columns[name]["network"]) for name in names
            ]
            sides = [[f"<artifacts>/transfer/{table}/{name}.json"] for name in names]
            found.append(comparison(claim, images, sized_backbones, *sides))
    return found


def detection_claims():
    """Claims about Table 9; on accuracy only where R-CNN has learned from the same images."""
    detectors = {config["detectors"][name]["reference"]: name for name in COLUMNS}
    one, five = (detectors.get(f"SPP_{number}sc_ZF5") for number in (1, 5))
    baseline = config["table9"]["baseline"]
    whole = lambda name: [f"<artifacts>/detectors/{name}/evaluation.json"]
    timed = lambda name: (["<artifacts>/timing.json"], name)
    found = []

    def add(claim, ours, reference, side=whole, **options):
        names = (ours, reference)
        sized_backbones = [
            backbone_and_width(config["detectors"][name]["network"]) for name in names
        ]
        found.append(
            comparison(claim, "VOC", sized_backbones, *map(side, names), **options)
        )

    if one and five:
        add("five_scales", five, one)
    # The paper's numbers behind these are of five scales.
    best, known = five or one, {"comparable": five is not None}
    add("fine_tuning", best, best, **known)
    add("box_regression", best, best, **known)
    if config["detectors"][baseline]["method"] != "rcnn":
        return found
    if SAME_IMAGES:
        add("as_accurate_as_rcnn", best, baseline, **known)
    for name, words in ((one, "one_scale"), (five, "five_scales")):
        if name:
            add(f"faster_than_rcnn_{words}", name, baseline, timed)
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
    plots = [f"learning_curves_{backbone}" for backbone in TRAINED["backbones"]]
    plots += ["error_by_views"] if ERRORS else []
    pages = ["detections"]  # of photographs, too large as SVG
    pages += ["view_positions"] if ERRORS else []
    pages += ["responses"] if "responses" in config else []
    return [
        *expand("<results>/{table}.{kind}", table=tables, kind=["csv", "json"]),
        *expand("<results>/figures/{name}.{kind}", name=plots, kind=["png", "svg"]),
        *expand("<results>/figures/{name}.png", name=pages),
    ]
