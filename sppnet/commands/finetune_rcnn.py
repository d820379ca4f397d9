"""finetune-rcnn: all layers on warped boxes (R-CNN)."""

from sppnet.commands.options import Finetuned, History, Manifest, Proposals, Weights, Work
from sppnet.data.manifest import class_list, read_manifest
from sppnet.data.store import restart_directory
from sppnet.data.subset import subset
from sppnet.detect.finetune import finetune_crops, write_history
from sppnet.detect.regions import load_regions
from sppnet.detect.settings import RcnnFineTuning, Subset, Warp
from sppnet.models.compute import Compute
from sppnet.models.network import with_background
from sppnet.models.weights import load_network, save_network


def run(
    *,
    manifest: Manifest,
    proposals: Proposals,
    weights: Weights,
    warp: Warp,
    part: Subset = Subset(),
    finetuning: RcnnFineTuning,
    work: Work,
    output: Finetuned,
    history: History,
    compute: Compute = Compute(),
) -> None:
    """Fine-tune the whole network with a new classifier, for R-CNN."""
    device = compute.start()
    settings = warp.model_dump() | part.model_dump() | finetuning.model_dump()
    inputs = [manifest, proposals, weights]
    restart = restart_directory(work, settings | compute.numerics_key(), inputs)
    records = read_manifest(manifest, dataset="detection", split="trainval")
    classes = class_list(records)
    pretrained = load_network(weights, device)
    network = with_background(pretrained, classes, finetuning.seed, finetuning.classifier_std)
    rows = finetune_crops(
        network,
        load_regions(subset(records, part.images), proposals, classes),
        warp=warp,
        finetuning=finetuning,
        restart=restart,
    )
    write_history(history, rows)
    save_network(output, network)
