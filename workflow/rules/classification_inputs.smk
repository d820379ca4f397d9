"""What the rules of classification take from the configuration."""

ERRORS = config.get("errors", {})
TRAINED = config.get("classifiers", {"backbones": {}, "variants": {}, "seeds": []})


def score_files(backbone, variant, view_set, suffix="safetensors"):
    """Scores of a backbone in a training variant on a view set, one file per seed."""
    return [
        f"<artifacts>/views/{backbone}-{variant}-{seed}/{view_set}.{suffix}"
        for seed in TRAINED["seeds"]
    ]


def table1_settings(wildcards):
    """The backbones of Table 1."""
    own = config["table1"]
    return flags({"backbone": own["backbones"], "input_size": own["input_size"]})


def view_set_settings(wildcards):
    """A view set."""
    return flags(config["view_sets"][wildcards.view_set])


def combined_scores(wildcards):
    """Scores of all networks of Table 5."""
    own = ERRORS["table5"]
    return [
        file
        for backbone, variant in own["members"]
        for file in score_files(backbone, variant, own["view_set"])
    ]


def error_cell(row, column, metric, reference, files):
    """A cell of an error table as its command takes it."""
    return {
        "row": row,
        "column": column,
        "metric": metric,
        "reference": reference,
        "files": files,
    }


def variant_cells(backbones, variants, view_set):
    """Cells of one row per variant and metric and one column per backbone."""
    cells = []
    for variant, metric, backbone in product(variants, ("top1", "top5"), backbones):
        row, column = TRAINED["variants"][variant], TRAINED["backbones"][backbone]
        names = (row["reference"], column["reference"])
        reference = [f"{names[0]} | {metric}", names[1]] if all(names) else None
        files = score_files(backbone, variant, view_set)
        cells.append(
            error_cell(row["title"], column["title"], metric, reference, files)
        )
    return cells


def table3_cells():
    """Cells of Table 3."""
    own, cells = ERRORS["table3"], []
    for backbone, (train, variant) in product(
        own["backbones"], own["variants"].items()
    ):
        column = TRAINED["backbones"][backbone]
        for view in ("crop", "full"):
            files = score_files(backbone, variant, own[view])
            name = f"{column['reference']} | {train} | 1{view}"
            reference = [name, "top1"] if column["reference"] else None
            row = f"{column['title']} | {train}-size"
            cells.append(error_cell(row, f"1 {view}", "top1", reference, files))
    return cells


def views_in_words(views):
    """How many views an image has, as "96 views + 2 full".

    Where a photograph is as narrow as a view, 3 positions differ at most; `view_windows` tells.
    """
    mirrors = 2 if views["mirrored"] else 1
    count = sum(
        min(3, views["positions"]) if scale == views["window"] else views["positions"]
        for scale in views["scales"]
    )
    parts = [f"{mirrors * count} views"] if count else []
    parts += [f"{mirrors} full"] if views["full"] else []
    return " + ".join(parts)


def table4_cells():
    """Our cells of Table 4; the rows of other methods are the paper's."""
    own, cells = ERRORS["table4"], []
    network = TRAINED["backbones"][own["backbone"]]
    # The paper's rows of Overfeat-7, which the text, but not the table, also tests with 96 views.
    paper = {"views_10": "SPP_O-7, 1 scale", "views_98": "SPP_O-7, 6 scales"}
    known = paper if network["reference"] == "Overfeat-7" else {}
    for name, metric in product(("views_10", "views_96", "views_98"), ("top1", "top5")):
        words = views_in_words(config["view_sets"][own[name]])
        row = f"SPP-net ({network['title']}, this run), {words}"
        column = f"{metric.replace('top', 'top-')} val"
        reference = [known[name], f"{metric}_val"] if name in known else None
        files = score_files(own["backbone"], own["variant"], own[name])
        cells.append(error_cell(row, column, metric, reference, files))
    return cells


def table5_cells():
    """Our row of Table 5."""
    files = ["<artifacts>/views/combined.safetensors"]
    return [error_cell("ours", "top-5 val", "top5", None, files)]


def ablation_cells():
    """The two further training variants, beside those of Table 2 on the same backbone."""
    own, table2 = ERRORS["ablations"], ERRORS["table2"]
    plain, single, multi = table2["variants"]
    shown = (
        (own["fewer_bins_backbone"], [plain, single, own["fewer_bins"]]),
        (own["random_size_backbone"], [single, multi, own["random_size"]]),
    )
    cells = [
        cell
        for backbone, variants in shown
        for cell in variant_cells([backbone], variants, table2["view_set"])
    ]
    # The two may share a backbone, and then some rows.
    return [cell for number, cell in enumerate(cells) if cell not in cells[:number]]


def cells_of(table):
    """Cells of an error table."""
    if table == "table2":
        own = ERRORS["table2"]
        return variant_cells(TRAINED["backbones"], own["variants"], own["view_set"])
    makers = {
        "table3": table3_cells,
        "table4": table4_cells,
        "table5": table5_cells,
        "ablations": ablation_cells,
    }
    return makers[table]()


def error_scores(wildcards):
    """Score files of an error table, each once."""
    cells = cells_of(wildcards.errors)
    return list(dict.fromkeys(file for cell in cells for file in cell["files"]))


def error_settings(wildcards):
    """Cells of an error table."""
    settings = {name: config["evaluation"][name] for name in ("bootstrap", "seed")}
    table = wildcards.errors.removeprefix("table")
    cells = [json.dumps(cell) for cell in cells_of(wildcards.errors)]
    return flags({"table": table, "cell": cells} | settings)


def curves_of(backbone, variant):
    """Learning curves of a backbone in a training variant, one file per seed."""
    networks = f"<artifacts>/networks/{backbone}-{variant}"
    return [f"{networks}-{seed}.csv" for seed in TRAINED["seeds"]]


def curve_files(wildcards):
    """Learning curves of a backbone: all seeds of every training variant of Table 2."""
    variants = ERRORS["table2"]["variants"]
    return [
        file for variant in variants for file in curves_of(wildcards.backbone, variant)
    ]


def curve_settings(wildcards):
    """Learning curves as the figure's command takes them."""
    curves = [
        {
            "name": TRAINED["variants"][variant]["title"],
            "files": curves_of(wildcards.backbone, variant),
        }
        for variant in ERRORS["table2"]["variants"]
    ]
    return flags({"variant": list(map(json.dumps, curves))})


def view_sets_shown():
    """View sets in the figure of their cost: those that Table 4 names, in series."""
    own = ERRORS["table4"]
    return [
        ("crops", own["crops"]),
        ("feature maps", own["maps"]),
        ("feature maps", own["views_96"]),
        ("feature maps", own["views_98"]),
    ]


def error_by_views_points():
    """Points of the figure: scores and metrics of those view sets, all seeds."""
    own = ERRORS["table4"]
    return [
        {
            "series": series,
            "label": view_set.replace("_", " "),
            "view_set": view_set,
            "scores": score_files(own["backbone"], own["variant"], view_set),
            "metrics": score_files(own["backbone"], own["variant"], view_set, "json"),
        }
        for series, view_set in view_sets_shown()
    ]


def error_by_views_files(wildcards):
    """Files of all points, but for their times."""
    points = error_by_views_points()
    return [file for point in points for file in (*point["scores"], *point["metrics"])]


def error_by_views_settings(wildcards):
    """Points as the figure's command takes them."""
    settings = {name: config["evaluation"][name] for name in ("bootstrap", "seed")}
    return flags({"point": list(map(json.dumps, error_by_views_points()))} | settings)


def view_speed_weights(wildcards):
    """The network whose views are timed: the first of Table 4's; its seed makes no difference."""
    own, seed = ERRORS["table4"], TRAINED["seeds"][0]
    return f"<artifacts>/networks/{own['backbone']}-{own['variant']}-{seed}.safetensors"


def view_speed_settings(wildcards):
    """Each view set that Table 4 names as one piece of JSON, and how often it is timed."""
    own = ERRORS["table4"]
    names = dict.fromkeys(
        own[name] for name in ("crops", "maps", "views_10", "views_96", "views_98")
    )
    view_sets = [
        json.dumps({"name": name} | config["view_sets"][name]) for name in names
    ]
    return flags({"view_set": view_sets} | config["timing"]["views"])


def timed_variants():
    """Training at one size and at two, with the network that each goes on from."""
    backbone, seed = ERRORS["table4"]["backbone"], TRAINED["seeds"][0]
    return {
        variant: f"<artifacts>/networks/{backbone}-{variant}-{seed}.safetensors"
        for variant in ERRORS["table2"]["variants"][1:]
    }


def training_speed_weights(wildcards):
    """Networks of the trainings that are timed."""
    return list(timed_variants().values())


def training_speed_settings(wildcards):
    """Each training variant as one piece of JSON, what they share, and how often they are timed."""
    variants = [
        json.dumps(
            {"name": variant, "weights": weights}
            | {
                name: TRAINED["variants"][variant][name]
                for name in ("sizes", "size_choice")
            }
        )
        for variant, weights in timed_variants().items()
    ]
    names = ("resize", "crop", "batch", "learning_rate", "momentum", "weight_decay")
    shared = {
        name: TRAINED["training"][name] for name in (*names, "colour", "precision")
    }
    seed = {"seed": TRAINED["seeds"][0]}
    return flags({"variant": variants} | shared | seed | config["timing"]["training"])


def view_positions_settings(wildcards):
    """The 96 views of Table 4, on the backbone of its network."""
    own = ERRORS["table4"]
    view_set = config["view_sets"][own["views_96"]]
    names = ("window", "positions", "scales")
    return flags(
        {"backbone": own["backbone"]} | {name: view_set[name] for name in names}
    )


def responses_weights(wildcards):
    """The network whose filters are shown."""
    return f"<artifacts>/networks/{config['responses']['network']}.safetensors"


def responses_manifest(wildcards):
    """The manifest of the images that are shown."""
    own = config["responses"]["dataset"] == "classification"
    return CLASSIFICATION if own else "<artifacts>/voc.parquet"


def responses_settings(wildcards):
    """Which filters and images are shown."""
    own = config["responses"]
    return flags({name: own[name] for name in own if name != "network"})
