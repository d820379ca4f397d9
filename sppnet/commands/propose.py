"""propose: selective search boxes of one detection split, and their recall."""

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Manifest, Split, Work, Workers
from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.detect.proposals import propose, recall, selective_search, write_proposals
from sppnet.detect.settings import SelectiveSearch


def run(
    *,
    manifest: Manifest,
    split: Split,
    search: SelectiveSearch,
    work: Work,
    output: Annotated[Path, Parameter(help="Proposals (.parquet).")],
    report: Annotated[
        Path, Parameter(name="--recall", help="Recall, number of boxes and time per image (.json).")
    ],
    workers: Workers = 1,
) -> None:
    """Propose boxes for every image of a split by selective search."""
    records = read_manifest(manifest, dataset="detection", split=split)
    # all boxes are stored in `work`, whatever the maximum
    settings = search.model_dump(exclude={"maximum"})
    restart = restart_directory(work, {**settings, "split": split}, [manifest])
    searched = partial(selective_search, **settings)
    boxes, seconds = propose(records, searched, workers=workers, restart=restart)
    proposals = {
        image: image_boxes[: search.maximum or None] for image, image_boxes in boxes.items()
    }
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
