"""propose: selective search boxes of one detection split, and their recall."""

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from sppnet.data.manifest import read_manifest
from sppnet.data.store import restart_directory, write_json
from sppnet.detect.proposals import propose, recall, selective_search, write_proposals


def run(
    manifest: Annotated[Path, Option(help="Manifest of prepare-voc.")],
    split: Annotated[str, Option(help="Detection split: trainval or test.")],
    base_k: Annotated[list[int], Option(help="k of the first segmentation; repeat.")],
    sigma: Annotated[float, Option(help="Blur before segmentation, pixels.")],
    minimum_side: Annotated[int, Option(help="Shortest side of a box, pixels.")],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="Boxes, Parquet.")],
    recall_path: Annotated[Path, Option("--recall", help="Recall and counts, JSON.")],
    maximum: Annotated[
        int | None, Option(help="Boxes kept per image; 0 or none keeps all.", min=0)
    ] = None,
    workers: Annotated[int, Option(help="Processes.", min=1)] = 1,
) -> None:
    """Propose boxes for every image of a split."""
    records = read_manifest(manifest, dataset="detection", split=split)
    settings: dict[str, Any] = {"base_k": base_k, "sigma": sigma, "minimum_side": minimum_side}
    restart = restart_directory(work, {**settings, "split": split}, [manifest])
    search = partial(selective_search, **settings)
    found, seconds = propose(records, search, workers=workers, restart=restart)
    kept = {image: boxes[: maximum or None] for image, boxes in found.items()}
    write_proposals(output, kept, {**settings, "maximum": maximum})
    report = {
        "images": len(records),
        "objects": int(sum((~record.difficult).sum() for record in records)),
        "boxes_per_image": sum(map(len, kept.values())) / len(records),
        "recall_0.5": recall(records, kept, iou=0.5),
        "recall_0.7": recall(records, kept, iou=0.7),
        "seconds_per_image": seconds,
    }
    write_json(recall_path, report)
    shutil.rmtree(restart)
