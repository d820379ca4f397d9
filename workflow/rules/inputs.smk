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


def training_images(wildcards):
    """What `pretrain` reads: a manifest, or stores with their digests."""
    if "store" not in config:
        return {"manifest": CLASSIFICATION}
    return {
        "digests": ["<artifacts>/store/train.json", "<artifacts>/store/val.json"],
        "store": ancient("<artifacts>/store/train"),
        "validation_store": ancient("<artifacts>/store/val"),
    }


def training_flags(wildcards, input):
    """Flags that name those images."""
    names = ("manifest", "store", "validation_store")
    return flags({name: input[name] for name in names if name in input.keys()})


# With a store, processes decode beside the one that trains.
PRETRAIN_THREADS = ALL_CORES if "store" in config else 1


def launcher(wildcards, resources):
    """What starts a training: torchrun where a profile gives the rule several GPUs."""
    gpus = resources.get("gpu", 1)
    several = f"torchrun --standalone --nproc-per-node {gpus} -m sppnet"
    return several if gpus > 1 else "sppnet"


def classifier_networks():
    """Every backbone in every training variant with every seed, in the form of `networks`."""
    own = config.get("classifiers")
    if own is None:
        return {}
    networks = {}
    for backbone, variant, seed in product(
        own["backbones"], own["variants"], own["seeds"]
    ):
        row = own["variants"][variant]
        shape = {
            "backbone": backbone,
            "width": own["backbones"][backbone]["width"],
            "levels": row["levels"],
        }
        length = {"epochs": own["backbones"][backbone]["epochs"]}
        sizes = {name: row[name] for name in ("sizes", "size_choice")}
        networks[f"{backbone}-{variant}-{seed}"] = {
            "architecture": shape | own["head"],
            "imported_backbone": None,
            "training": own["training"] | length | sizes | {"seed": seed},
        }
    return networks


NETWORKS = config["networks"] | classifier_networks()


wildcard_constraints:
    network="|".join(NETWORKS),
    view_set="|".join(config.get("view_sets", {"-": None})),
    column="|".join(transfer_columns()) or "-",


def network_of(wildcards):
    """Settings of the network that a file belongs to."""
    return NETWORKS[wildcards.network]


def backbone_source(wildcards):
    """The file that a backbone is imported from; torchvision fetches its own."""
    source = network_of(wildcards)["imported_backbone"]["source"]
    return [] if source.startswith("torchvision:") else source


def backbone_file(wildcards):
    """The imported backbone of a network, if it has one."""
    file = f"<artifacts>/networks/{wildcards.network}.backbone.safetensors"
    return file if network_of(wildcards)["imported_backbone"] else []


def import_settings(wildcards):
    """Where a backbone comes from."""
    network = network_of(wildcards)
    backbone = network["architecture"]["backbone"]
    return flags(
        {"source": network["imported_backbone"]["source"], "backbone": backbone}
    )


def pretrain_settings(wildcards):
    """Architecture and training of a network."""
    network = network_of(wildcards)
    source = network["imported_backbone"] or {"freeze": None}
    imported = {
        "backbone_weights": backbone_file(wildcards) or None,
        "freeze_backbone": source["freeze"],
    }
    return flags(network["architecture"] | imported | network["training"])
