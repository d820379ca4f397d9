"""What the rules take from the configuration: input files, and flags of their commands.

Functions of `wildcards` are called by Snakemake for each job.
"""

import json

COLUMNS = config["table9"]["columns"]
FIGURE_DETECTIONS = (
    f"<artifacts>/detectors/{config['figures']['detector']}/detections.parquet"
)

# The paper's numbers.
REFERENCE = relpath(ROOT / "sppnet/report/reference.csv")


def detector_of(wildcards):
    """Settings of the detector that a file belongs to."""
    return config["detectors"][wildcards.detector]


def named(method):
    """Wildcard constraint: the detectors of a method, or what is no detector's name."""
    detectors = config["detectors"].items()
    return "|".join(name for name, own in detectors if own["method"] == method) or "-"


def pretrained(wildcards):
    """Weights of the network that a detector starts from."""
    return f"<artifacts>/networks/{detector_of(wildcards)['network']}.safetensors"


def features(split, state="pretrained"):
    """Input function: feature files of a detector for a split.

    SPP: conv5 maps, one file per scale, which fine-tuning leaves as they are.
    R-CNN: features of the regions, before or after fine-tuning.
    """

    def files(wildcards):
        detector = detector_of(wildcards)
        if detector["method"] == "rcnn":
            return f"<artifacts>/features/{wildcards.detector}/{state}/{split}.npy"
        folder = f"<artifacts>/features/{detector['network']}"
        sizes = detector["scales"] if state == "pretrained" else []
        return [f"{folder}/{size}/{split}.npy" for size in sizes]

    return files


def feature_flags(wildcards, input):
    """Flags that name the feature files of a job."""
    names = ("features", "finetuned_features")
    return flags({name: input[name] for name in names if name in input.keys()})


def pooling(wildcards):
    """How an SPP detector pools a box; an R-CNN detector has done so in its features."""
    detector = detector_of(wildcards)
    if detector["method"] == "rcnn":
        return {"images": detector["images"]}
    return {
        "sizes": detector["scales"],
        "target": detector["target"],
        "shrink": detector["shrink"],
    }


def warping(wildcards):
    """How R-CNN cuts out a box."""
    return {name: detector_of(wildcards)[name] for name in ("crop", "context")}


def finetune_settings(wildcards):
    """Regions and schedule of fine-tuning; of all images: more of them take R-CNN no longer."""
    method = detector_of(wildcards)["method"]
    regions = warping if method == "rcnn" else pooling
    return flags(regions(wildcards) | config["finetune"][method])


def svm_settings(wildcards):
    """Regions and SVMs of a detector."""
    method = detector_of(wildcards)["method"]
    return flags({"method": method} | pooling(wildcards) | config["svm"][method])


def bbox_settings(wildcards):
    """Regions and box regression of a detector."""
    method = detector_of(wildcards)["method"]
    return flags({"method": method} | pooling(wildcards) | config["bbox"][method])


def detection_settings(wildcards):
    """Regions of a detector, and which detections are kept."""
    method = {"method": detector_of(wildcards)["method"]}
    return flags(method | pooling(wildcards) | config["detection"])


def evaluation_settings(wildcards):
    """Evaluation, on as many images as the detector has seen."""
    return flags(
        {"images": detector_of(wildcards).get("images")} | config["evaluation"]
    )


def column_files(pattern):
    """One file per column of the table; the pattern names its detector or its network."""
    networks = [config["detectors"][column]["network"] for column in COLUMNS]
    return expand(pattern, zip, detector=COLUMNS, network=networks)


# Weights, fine-tuned weights and SVMs of the columns that are timed.
TIMED = (
    "<artifacts>/networks/{network}.safetensors",
    "<artifacts>/detectors/{detector}/finetuned.safetensors",
    "<artifacts>/detectors/{detector}/svm.safetensors",
)


def speed_settings(wildcards):
    """Each column as one piece of JSON, and how often it is timed."""
    columns = []
    for column, *files in zip(COLUMNS, *map(column_files, TIMED)):
        own = dict(config["detectors"][column])
        own["sizes"] = own.pop("scales", None)
        names = ("method", "sizes", "target", "shrink", "crop", "context")
        settings = {name: own[name] for name in names if own.get(name) is not None}
        paths = dict(zip(("weights", "finetuned", "svm"), files))
        columns.append(json.dumps({"name": column} | paths | settings))
    own = {name: config["timing"][name] for name in ("images", "repeats", "batch")}
    return flags({"column": columns} | own)


def column_settings():
    """Columns of the table with their headings and the paper's columns to compare with."""
    detectors = [config["detectors"][column] for column in COLUMNS]
    return {
        "column": COLUMNS,
        "title": [detector["title"] for detector in detectors],
        "reference_column": [detector["reference"] or "none" for detector in detectors],
        "baseline": config["table9"]["baseline"],
        "bootstrap": config["evaluation"]["bootstrap"],
        "seed": config["evaluation"]["seed"],
    }


def figure_settings():
    """Which pictures are drawn, and which boxes: those that survive as in the evaluation."""
    own = {key: value for key, value in config["figures"].items() if key != "detector"}
    return own | {"nms": config["evaluation"]["nms"]}
