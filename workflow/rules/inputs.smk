"""What the rules take from the configuration: input files, and flags of their commands.

Functions of `wildcards` are called by Snakemake for each job.
"""

import json
from itertools import product

COLUMNS = PLAN.detection.columns
SAME_IMAGES = PLAN.detection.same_images

# The paper's numbers.
REFERENCE = relpath(ROOT / "sppnet/report/reference.csv")


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


