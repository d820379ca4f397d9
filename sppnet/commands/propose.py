"""propose: selective search boxes of one detection split, and their recall."""

import shutil
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Manifest, Split, Work, Workers, Written
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.detect.proposals import (
    propose,
    recall,
    search_shrunk,
    selective_search,
    write_proposals,
)
from sppnet.detect.settings import SelectiveSearch
from sppnet.errors import SppnetError


def run(
    *,
    manifest: Manifest,
    split: Split,
    search: SelectiveSearch,
    work: Work,
    output: Annotated[Written, Parameter(help="Proposals (.parquet).")],
    report: Annotated[
        Written,
        Parameter(name="--recall", help="Recall, number of boxes and time per image (.json)."),
    ],
    workers: Workers = 1,
) -> None:
    """Propose boxes for every image of a split by selective search."""
    records = read_manifest(manifest, dataset="detection", split=split)
    # all boxes are stored in `work`, whatever the maximum
    settings = search.model_dump(exclude={"maximum"})
    restart = restart_directory(work, {**settings, "split": split}, [manifest])
    at_any_size = partial(
        selective_search, base_k=search.base_k, sigma=search.sigma, minimum_side=search.minimum_side
    )
    at_most = partial(search_shrunk, search=at_any_size, longest_side=search.longest_side)
    boxes, seconds = propose(records, at_most, workers=workers, restart=restart)
    proposals = {
        image: image_boxes[: search.maximum or None] for image, image_boxes in boxes.items()
    }
    if not any(map(len, proposals.values())):
        raise SppnetError(
            f"{manifest}: no proposals in any of the {len(records)} images of {split}; lower "
            f"proposals.minimum_side, which is {search.minimum_side} pixels"
        )
    write_proposals(output, proposals, search.model_dump())
    counts = {
        "images": len(records),
        "objects": int(sum((~record.difficult).sum() for record in records)),
        "boxes_per_image": sum(map(len, proposals.values())) / len(records),
        "recall_0.5": recall(records, proposals, iou=0.5),
        "recall_0.7": recall(records, proposals, iou=0.7),
        "seconds_per_image": seconds,
    }
    write_json(report, counts)
    shutil.rmtree(restart)
