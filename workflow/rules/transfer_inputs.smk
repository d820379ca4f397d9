"""What the rules of transfer take from the configuration."""

import re

TRANSFER = config.get(
    "transfer", {"table6": {"columns": {}}, "table7": {"columns": {}}}
)


def transfer_columns():
    """Names of the columns of Tables 6 and 7."""
    return dict.fromkeys(
        name for table in ("table6", "table7") for name in TRANSFER[table]["columns"]
    )


def column_of(wildcards):
    """Settings of the column that a file belongs to."""
    return TRANSFER[wildcards.table]["columns"][wildcards.column]


def image_views(column):
    """Folder names of a column's image views, one per size."""
    of = f"of{column['crop']}" if column["crop"] else ""
    return [f"{column['input']}{size}{of}" for size in column["sizes"]]


def image_view_settings(wildcards):
    """An image view, read off its folder name."""
    kind, size, crop = re.fullmatch(r"(\D+)(\d+)(?:of(\d+))?", wildcards.view).groups()
    dataset = "caltech101" if wildcards.part == "all" else "detection"
    return flags({"dataset": dataset, "input": kind, "size": size, "crop": crop})


def caltech_settings(wildcards):
    """Where Caltech-101 is, and what every category must have."""
    own = TRANSFER["table7"]
    return flags({name: own[name] for name in ("root", "train_per_class")})


def transfer_features(part):
    """Input function: features of the images that a column trains on, or is tested on."""

    def files(wildcards):
        if wildcards.table == "table7" and part == "test":
            return []
        column = column_of(wildcards)
        name = "all" if wildcards.table == "table7" else part
        folder = f"<artifacts>/image_features/{column['network']}"
        return [f"{folder}/{view}/{name}.npy" for view in image_views(column)]

    return files


def transfer_settings(wildcards):
    """SVMs and protocol of a column."""
    own = TRANSFER[wildcards.table]
    shared = {name: TRANSFER[name] for name in ("cost", "seed")}
    files = {"features": transfer_features("trainval")(wildcards)}
    if wildcards.table == "table6":
        protocol = {"protocol": "voc07", "holdout": own["holdout"]}
        protocol["bootstrap"] = TRANSFER["bootstrap"]
        files["test_features"] = transfer_features("test")(wildcards)
    else:
        names = ("train_per_class", "test_per_class", "splits", "split_halves")
        protocol = {"protocol": "caltech101"} | {name: own[name] for name in names}
    return flags(protocol | files | shared)


def shown_columns(table):
    """Table and name of the columns that a table shows, in order."""
    if table == "table8":
        own = TRANSFER["table8"]
        return [("table6", own["voc07"]), ("table7", own["caltech101"])]
    own = TRANSFER[table]
    return [(table, name) for name in own["columns"] if name != own.get("warped")]


def transfer_results(wildcards):
    """Results behind a table; the warped images of Table 7 come last."""
    columns = shown_columns(wildcards.table)
    if wildcards.table == "table7":
        columns.append(("table7", TRANSFER["table7"]["warped"]))
    return [f"<artifacts>/transfer/{table}/{name}.json" for table, name in columns]


def transfer_table_settings(wildcards):
    """Columns of Table 6, 7 or 8."""
    shown = shown_columns(wildcards.table)
    columns = [TRANSFER[table]["columns"][name] for table, name in shown]
    results = transfer_results(wildcards)
    settings = {
        "table": wildcards.table.removeprefix("table"),
        "title": [column["title"] for column in columns],
        "reference_column": [column["reference"] or "none" for column in columns],
        "result": results[: len(columns)],
    }
    if wildcards.table == "table8":
        own = TRANSFER["table8"]
        settings["column"] = settings["reference_column"] = ["voc07", "caltech101"]
        settings["title"] = ["VOC07", "Caltech101"]
        settings["layer"] = [own["voc07_layer"], own["caltech101_layer"]]
    else:
        settings["column"] = [name for _, name in shown]
    if wildcards.table == "table7":
        settings["warped"] = results[-1]
        settings["warped_column"] = TRANSFER["table7"]["warped_beside"]
    return flags(settings)
