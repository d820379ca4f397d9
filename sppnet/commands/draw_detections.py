"""draw-detections: a page of test photographs with their detections."""

from typing import Annotated

import pandas as pd
import torch
from cyclopts import Parameter

from sppnet.commands.options import Detections, Manifest, Written
from sppnet.data.images import read_listed
from sppnet.data.manifest import ImageRecord, class_list, read_manifest
from sppnet.data.subset import subset
from sppnet.detect.detections import REGRESSED_BOX, read_detections
from sppnet.detect.settings import Suppression
from sppnet.errors import SppnetError
from sppnet.geometry.boxes import non_maximum_suppression
from sppnet.report.figures import Drawn, Photograph, draw_page
from sppnet.report.settings import DetectionPage

DRAWN_LAYER = "ftfc7"  # the one whose boxes are regressed


def run(
    *,
    manifest: Manifest,
    detections: Detections,
    page: DetectionPage,
    suppression: Suppression,
    output: Annotated[Written, Parameter(help="Figure (.png).")],
) -> None:
    """Draw detections, after box regression, on test images of all classes."""
    every = read_manifest(manifest, dataset="detection")
    records = [record for record in every if record.split == "test"]
    detected = read_detections(detections)
    chosen = subset([record for record in records if record.image in detected.images], page.images)
    if not chosen:
        raise SppnetError(f"{detections}: no test image was searched; run detect again")
    if DRAWN_LAYER not in detected.layers:
        raise SppnetError(f"{detections}: layer {DRAWN_LAYER} was not scored; run detect again")
    rows = detected.rows
    rows = rows[(rows["layer"] == DRAWN_LAYER) & (rows["score"] > page.minimum_score)]
    photographs = [
        Photograph(record.image, read_listed(record), _boxes(record, rows, suppression.nms))
        for record in chosen
    ]
    draw_page(output, photographs, class_list(every))


def _boxes(record: ImageRecord, detections: pd.DataFrame, nms: float) -> list[Drawn]:
    """Objects of an image, then its detections after suppression, the highest score last."""
    drawn = [
        Drawn((float(box[0]), float(box[1]), float(box[2]), float(box[3])), name)
        for box, name in zip(record.boxes, record.class_names, strict=True)
    ]
    scored: list[Drawn] = []
    for name, rows in detections[detections["image"] == record.image].groupby("class_name"):
        boxes = torch.tensor(rows[REGRESSED_BOX].to_numpy("float32"))
        scores = torch.tensor(rows["score"].to_numpy("float32"))
        for index in non_maximum_suppression(boxes, scores, iou=nms).tolist():
            x1, y1, x2, y2 = boxes[index].tolist()
            scored.append(Drawn((x1, y1, x2, y2), str(name), float(scores[index])))
    return drawn + sorted(scored, key=lambda detection: detection.score or 0.0)
