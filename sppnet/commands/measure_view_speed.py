"""measure-view-speed: time per image of several view sets, in one process."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sppnet.classify.requests import TimedViewSets
from sppnet.classify.settings import ViewTiming
from sppnet.classify.view_timing import time_views
from sppnet.commands.options import Manifest, Weights, Written
from sppnet.config.requests import read_request
from sppnet.data.images import read_listed
from sppnet.data.manifest import read_manifest
from sppnet.data.store import write_json
from sppnet.data.subset import subset
from sppnet.models.clock import describe_machine, summary
from sppnet.models.compute import Compute
from sppnet.models.settings import Inference
from sppnet.models.weights import load_network

SCOPE = "from the decoded image in memory to its averaged scores; without reading the image"


def run(
    *,
    manifest: Manifest,
    weights: Weights,
    view_sets: Annotated[Path, Parameter(help="View sets, by name (.json).")],
    timing: ViewTiming,
    output: Annotated[Written, Parameter(help="Times (.json).")],
    inference: Inference = Inference(),
    compute: Compute = Compute(),
) -> None:
    """Measure the time per image of several view sets, on an otherwise idle machine."""
    device = compute.start()
    request = read_request(view_sets, TimedViewSets)
    records = subset(read_manifest(manifest, dataset="classification", split="val"), timing.images)
    images = [read_listed(record) for record in records]
    network = load_network(weights, device, inference)
    times = time_views(network, request.view_sets, images, repeats=timing.repeats, device=device)
    counts = {"images": len(images), "repeats": timing.repeats}
    report = describe_machine(device) | inference.model_dump()
    report |= {"scope": SCOPE, "network": weights.stem, **counts}
    columns = {name: {"total": summary(seconds)} for name, seconds in times.items()}
    write_json(output, report | {"columns": columns})
