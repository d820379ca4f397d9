"""measure-view-speed: time per image of several choices of views, in one process."""

import json
from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from sppnet.classify.multi_view import Views
from sppnet.classify.view_timing import time_views
from sppnet.data.images import read_listed
from sppnet.data.manifest import read_manifest
from sppnet.data.store import write_json
from sppnet.data.subset import subset
from sppnet.errors import SppnetError
from sppnet.models.clock import describe_machine, summary
from sppnet.models.network import choose_device
from sppnet.models.weights import load_network

SCOPE = "from the decoded image in memory to its averaged scores; without reading the image"


def run(
    manifest: Annotated[Path, Option(help="Manifest of the images to test on.")],
    weights: Annotated[Path, Option(help="Network of pretrain.")],
    protocol: Annotated[
        list[str],
        Option(
            help="A choice of views as JSON: name, source, scales, window, positions, mirrored, "
            "full, as classify takes them. Once per choice."
        ),
    ],
    images: Annotated[int, Option(help="Use so many validation images, of all classes in turn.")],
    repeats: Annotated[int, Option(help="Passes over the images.", min=1)],
    output: Annotated[Path, Option(help="Times (.json).")],
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int, Option(help="CPU threads.", min=1)] = 1,
) -> None:
    """Time choices of views in turn; other work on the machine spoils the numbers."""
    torch.set_num_threads(threads)
    place = choose_device(device)
    records = subset(read_manifest(manifest, dataset="classification", split="val"), images)
    pictures = [read_listed(record) for record in records]
    network = load_network(weights, place)
    protocols = dict(map(read_protocol, protocol))
    times = time_views(network, protocols, pictures, repeats=repeats, device=place)
    report = {"scope": SCOPE, "network": weights.stem, "images": len(pictures), "repeats": repeats}
    columns = {name: {"total": summary(each)} for name, each in times.items()}
    write_json(output, describe_machine(place) | report | {"columns": columns})


def read_protocol(text: str) -> tuple[str, Views]:
    """Name of a choice of views, and the choice, from JSON.

    Raises:
        SppnetError: not JSON, or not the fields of a choice of views.
    """
    try:
        values = json.loads(text)
        name, scales = str(values.pop("name")), tuple(values.pop("scales"))
        return name, Views(scales=scales, **values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SppnetError(
            f"--protocol: {text!r} is not the JSON of a choice of views ({error!r}); "
            "give name, source, scales, window, positions, mirrored, full"
        ) from None
