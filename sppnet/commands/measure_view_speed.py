"""measure-view-speed: time per image of several view sets, in one process."""

import json
from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from sppnet.classify.multi_view import ViewSet
from sppnet.classify.view_timing import time_views
from sppnet.data.images import read_listed
from sppnet.data.manifest import read_manifest
from sppnet.data.store import write_json
from sppnet.data.subset import subset
from sppnet.errors import SppnetError
from sppnet.models.clock import describe_machine, summary
from sppnet.models.compute import choose_device
from sppnet.models.weights import load_network

SCOPE = "from the decoded image in memory to its averaged scores; without reading the image"


def run(
    manifest: Annotated[Path, Option(help="Manifest of the images to test on.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    view_set: Annotated[
        list[str],
        Option(
            help="A view set as JSON: name, source, scales, window, positions, mirrored, "
            "full, as classify takes them. Once per choice."
        ),
    ],
    images: Annotated[int, Option(help="Use so many validation images, of all classes in turn.")],
    repeats: Annotated[int, Option(help="Passes over the images.", min=1)],
    output: Annotated[Path, Option(help="Times (.json).")],
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Time view sets in turn; other work on the machine spoils the numbers."""
    torch.set_num_threads(threads)
    chosen_device = choose_device(device)
    records = subset(read_manifest(manifest, dataset="classification", split="val"), images)
    pictures = [read_listed(record) for record in records]
    network = load_network(weights, chosen_device)
    view_sets = dict(map(read_view_set, view_set))
    times = time_views(network, view_sets, pictures, repeats=repeats, device=chosen_device)
    report = {"scope": SCOPE, "network": weights.stem, "images": len(pictures), "repeats": repeats}
    columns = {name: {"total": summary(each)} for name, each in times.items()}
    write_json(output, describe_machine(chosen_device) | report | {"columns": columns})


def read_view_set(text: str) -> tuple[str, ViewSet]:
    """Name of a view set, and the view set, from JSON.

    Raises:
        SppnetError: not JSON, or not the fields of a view set.
    """
    try:
        values = json.loads(text)
        name, scales = str(values.pop("name")), tuple(values.pop("scales"))
        return name, ViewSet(scales=scales, **values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SppnetError(
            f"--view-set: {text!r} is not the JSON of a view set ({error!r}); "
            "give name, source, scales, window, positions, mirrored, full"
        ) from None
