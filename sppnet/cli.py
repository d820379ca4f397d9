"""The `sppnet` command: one verb per stage, imported only when asked for."""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

import sppnet
from sppnet.errors import SppnetError

PLANNED_CODE = "SPPNET_PLANNED_CODE"  # in the environment of jobs: package_sha256 of the plan
COMMANDS = {
    "generate": "sppnet.commands.generate",
    "download": "sppnet.commands.download",
    "prepare-voc": "sppnet.commands.prepare_voc",
    "prepare-image-folder": "sppnet.commands.prepare_image_folder",
    "prepare-caltech101": "sppnet.commands.prepare_caltech101",
    "prepare-imagenet": "sppnet.commands.prepare_imagenet",
    "store-images": "sppnet.commands.store_images",
    "import-weights": "sppnet.commands.import_weights",
    "pretrain": "sppnet.commands.pretrain",
    "propose": "sppnet.commands.propose",
    "cache-maps": "sppnet.commands.cache_maps",
    "cache-image-features": "sppnet.commands.cache_image_features",
    "cache-region-features": "sppnet.commands.cache_region_features",
    "finetune": "sppnet.commands.finetune",
    "finetune-rcnn": "sppnet.commands.finetune_rcnn",
    "train-svm": "sppnet.commands.train_svm",
    "train-bbox": "sppnet.commands.train_bbox",
    "detect": "sppnet.commands.detect",
    "evaluate": "sppnet.commands.evaluate",
    "measure-speed": "sppnet.commands.measure_speed",
    "transfer": "sppnet.commands.transfer",
    "tabulate-detection": "sppnet.commands.tabulate_detection",
    "tabulate-transfer": "sppnet.commands.tabulate_transfer",
    "draw-detections": "sppnet.commands.draw_detections",
    "tabulate-architectures": "sppnet.commands.tabulate_architectures",
    "draw-responses": "sppnet.commands.draw_responses",
    "classify": "sppnet.commands.classify",
    "measure-view-speed": "sppnet.commands.measure_view_speed",
    "measure-training-speed": "sppnet.commands.measure_training_speed",
    "combine-scores": "sppnet.commands.combine_scores",
    "tabulate-errors": "sppnet.commands.tabulate_errors",
    "tabulate-claims": "sppnet.commands.tabulate_claims",
    "draw-curves": "sppnet.commands.draw_curves",
    "draw-view-positions": "sppnet.commands.draw_view_positions",
    "draw-error-by-views": "sppnet.commands.draw_error_by_views",
    "show": "sppnet.commands.show",
}


def build(verbs: Iterable[str]) -> typer.Typer:
    """The command line with the given verbs; each verb's module is imported here."""
    app = typer.Typer(add_completion=False, no_args_is_help=True)
    app.callback()(describe)
    for verb in verbs:
        app.command(name=verb)(import_module(COMMANDS[verb]).run)
    return app


def describe(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Rebuild the tables of the SPP-net paper, one stage at a time."""
    if version:
        print(f"sppnet {sppnet.__version__}")


def require_planned_code() -> None:
    """Refuse to work for a run of Snakemake that was planned with other code.

    Raises:
        SppnetError: the package has changed since.
    """
    planned = os.environ.get(PLANNED_CODE)
    if planned is None:
        return
    from sppnet.data.store import package_sha256

    if package_sha256() != planned:
        raise SppnetError(
            "the code of sppnet has changed since this run was planned; start snakemake again, "
            "finished work is kept"
        )


def main() -> None:
    """Run the command line; a known error is one line on standard error and exit status 2."""
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    if sys.argv[1:] == ["--version"]:
        describe(version=True)
        return
    try:
        require_planned_code()
        build([verb] if verb in COMMANDS else COMMANDS)()
    except SppnetError as error:
        print(f"sppnet: {error}", file=sys.stderr)
        sys.exit(2)
