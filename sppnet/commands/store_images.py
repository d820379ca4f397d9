"""store-images: training images, resized once and stored in a few large files."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.commands.options import Manifest, Split, Work, Workers, Written, WrittenFolder
from sppnet.data.image_store import INDEX, ImageStore
from sppnet.data.image_store_writer import write_image_store
from sppnet.data.manifest import read_manifest
from sppnet.data.settings import Store
from sppnet.data.store import file_sha256, restart_directory, write_json


def run(
    *,
    manifest: Manifest,
    dataset: Annotated[
        str, Parameter(help="Data set in the manifest: classification or detection.")
    ],
    split: Split,
    form: Store,
    work: Work,
    output: Annotated[WrittenFolder, Parameter(help="Folder of the stored images.")],
    digest: Annotated[Written, Parameter(help="Number and checksum of the stored images (.json).")],
    verify: Annotated[
        bool, Parameter(help="Read all stored images back and compare their checksums.")
    ] = False,
    workers: Workers = 2,
) -> None:
    """Resize training images once and store them in a few large files."""
    records = read_manifest(manifest, dataset, split)
    settings = form.model_dump() | {"data": [dataset, split]}
    restart = restart_directory(work, settings, [manifest])
    write_image_store(output, records, form, workers=workers, restart=restart)
    store = ImageStore(output)
    if verify:
        store.verify()
    # The index has a checksum of every image, so its own checksum covers them all.
    write_json(digest, {"images": len(store), "sha256": file_sha256(output / INDEX)})
    print(f"{len(store)} images stored")
