"""What the rules take from the configuration: input files, and flags of their commands.

Functions of `wildcards` are called by Snakemake for each job.
"""

import json
from itertools import product

from sppnet.data.shapes import CLASSES

COLUMNS = PLAN.detection.columns
SAME_IMAGES = PLAN.detection.same_images

# The paper's numbers.
REFERENCE = relpath(ROOT / "sppnet/report/reference.csv")


def scenes(layout):
    """What a generated set is read from, where there is one: its digest, and the pictures."""
    if "scenes" not in config:
        return {}
    folder = f"<artifacts>/scenes/{layout}"
    return {"digest": f"{folder}.json", "scenes": ancient(folder)}


def scene_settings(wildcards):
    """Plan of a generated set: classification shows one whole object, detection several."""
    own, layout = config["scenes"], wildcards.layout
    kind = "detection" if layout == "VOCdevkit" else "classification"
    counts = {
        "VOCdevkit": ["detection_trainval", "detection_test"],
        "ImageFolder": ["classification_train", "classification_validation"],
    }
    images = [own[name] for name in counts.get(layout, [])]
    several = kind == "detection"
    return flags(
        {
            "images": images or [own["caltech_per_class"] * len(CLASSES)],
            "sides": own[f"{kind}_sides"],
            "object_sides": own[f"{kind}_object_sides"],
            "objects": own["detection_objects"] if several else [1, 1],
            "cut": own["detection_cut"] if several else 0,
        }
        | {name: own[name] for name in ("seed", "aspects", "quality")}
    )


# Which manifest names the images that networks are pre-trained and validated on.
CLASSIFICATION = (
    "<artifacts>/imagenet.parquet"
    if config["data"]["imagenet"]
    else "<artifacts>/image_folder.parquet"
)


# For claims_inputs.smk.
NETWORKS = {
    name: own.model_dump(mode="json") for name, own in PLAN.networks.all.items()
}
ERRORS = config.get("errors", {})
TRAINED = config.get("classifiers", {"backbones": {}, "variants": {}, "seeds": []})
score_files = PLAN.classification.scores


wildcard_constraints:
    column="|".join(transfer_columns()) or "-",


