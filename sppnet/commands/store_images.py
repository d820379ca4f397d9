"""store-images: resize pictures once and keep them in a few large files for training."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from typer import Option

from sppnet.data.image_store import INDEX, Form, ImageStore
from sppnet.data.image_store_writer import write_image_store
from sppnet.data.manifest import read_manifest
from sppnet.data.store import file_sha256, restart_directory, write_json


def run(
    manifest: Annotated[Path, Option(help="Manifest of the images.")],
    dataset: Annotated[str, Option(help="classification or detection.")],
    split: Annotated[str, Option(help="Split of the data set.")],
    shard_images: Annotated[int, Option(help="Images per file.", min=1)],
    work: Annotated[Path, Option(help="Folder for unfinished work.")],
    output: Annotated[Path, Option(help="Store to write, a folder.")],
    digest: Annotated[Path, Option(help="Count and checksum of what is stored (.json).")],
    size: Annotated[
        int | None, Option(help="Shorter side, pixels; without it, the files as they are.", min=1)
    ] = None,
    quality: Annotated[
        int | None, Option(help="Of JPEG; without it, plain pixels.", min=1, max=100)
    ] = None,
    verify: Annotated[bool, Option(help="Read all back and compare checksums.")] = False,
    workers: Annotated[int, Option(help="Processes that decode.", min=1)] = 2,
) -> None:
    """Resize pictures once and keep them in a few large files for training."""
    form = Form(size, quality)
    records = read_manifest(manifest, dataset, split)
    settings = asdict(form) | {"data": [dataset, split], "shard_images": shard_images}
    write_image_store(
        output,
        records,
        form,
        shard_images=shard_images,
        workers=workers,
        restart=restart_directory(work, settings, [manifest]),
    )
    store = ImageStore(output)
    if verify:
        store.verify()
    # The index holds a checksum of every image, so its own stands for them all.
    write_json(digest, {"images": len(store), "sha256": file_sha256(output / INDEX)})
    print(f"{len(store)} images stored")
