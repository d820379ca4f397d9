from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sppnet.data.store import file_sha256
from sppnet.detect import finetune
from sppnet.detect.finetune import finetune_crops, finetune_maps
from sppnet.detect.regions import ImageRegions
from sppnet.detect.sampling import hold_out
from sppnet.detect.settings import RcnnFineTuning, SppFineTuning, Warp
from sppnet.errors import SppnetError
from sppnet.models.network import Architecture, build_network
from sppnet.models.training import fit
from sppnet.models.weights import network_sha

SETTINGS = {
    "batch": 8,
    "positive_fraction": 0.25,
    "positive_iou": 0.5,
    "images_per_chunk": 4,
    "windows_per_image": 16,
    "holdout": 0.25,
    "holdout_windows": 64,
    "seed": 5,
    "learning_rate": 0.05,
    "milestones": (4 * 8,),  # a chunk has 8 iterations
    "iterations": 6 * 8,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "warmup": 0,
    "classifier_std": 0.01,
    "dropout": 0.5,
}


def spp(**changes):
    own = {"negative_low": 0.1, "negative_high": 0.5, "scale_choice": "best"}
    return SppFineTuning(**SETTINGS | own | changes)


def rcnn(**changes):
    return RcnnFineTuning(**SETTINGS | changes)


def network(backbone="zf5", width=0.125):
    architecture = Architecture(
        backbone=backbone,
        width=width,
        levels=(1,),
        fc=16,
        classes=("a", "b"),
        mean=(128.0, 128.0, 128.0),
        std=64.0,
        channel_order="RGB",
        background=True,
    )
    generator = torch.Generator().manual_seed(0)
    return build_network(architecture, initialisation="he", generator=generator)


def toy(images=12, rows=40):
    """Rows 0-9 of an image are foreground of class image % 2, the rest is background."""
    found = []
    for number in range(images):
        overlaps = torch.zeros(rows, 2)
        overlaps[:10, number % 2] = 0.8
        overlaps[10:, number % 2] = 0.2
        boxes = torch.tensor([0.0, 0, 32, 32]).repeat(rows, 1)
        boxes[10:] += 32
        found.append(
            ImageRegions(
                image=str(number),
                width=64,
                height=64,
                path=f"{number}.png",
                sha256="",
                boxes=boxes,
                ground_truth=0,
                class_index=torch.full((rows,), -1),
                overlaps=overlaps,
                difficult=torch.zeros(rows, dtype=torch.bool),
            )
        )
    return found


class Features:
    """Features that tell the label by the channel that is high, and remember who asked."""

    sizes = (100, 200, 300)

    def __init__(self):
        self.asked, self.rows, self.scales, self.left = [], [], [], -1

    def pool5(self, regions, rows, scales=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        self.asked.append(regions.image)
        self.rows.append(rows)
        self.scales.append(scales)
        noise = torch.Generator().manual_seed(int(regions.image))
        values = torch.rand(len(regions.boxes), 32, generator=noise)[rows]
        labels = torch.where(rows < 10, 1 + int(regions.image) % 2, 0)
        values[torch.arange(len(rows)), labels] += 4
        return values


def tune(restart, features, net=None, **changes):
    net = net or network()
    restart.mkdir(exist_ok=True)
    history = finetune_maps(
        net,
        toy(),
        features,
        finetuning=spp(**changes),
        restart=restart,
    )
    return net, history


def test_held_out_loss_falls_and_the_backbone_stays(tmp_path):
    before = {name: value.clone() for name, value in network().state_dict().items()}
    net, history = tune(tmp_path / "work", Features())
    assert len(history) == 6
    assert history[-1]["loss"] < 0.5 * np.log(3)
    assert history[-1]["error"] < 0.1
    assert not any(weight.requires_grad for weight in net.backbone.parameters())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("backbone."), name


def test_held_out_images_are_pooled_once_and_never_trained_on(tmp_path):
    features = Features()
    tune(tmp_path / "work", features)
    train, held = ({each.image for each in part} for part in hold_out(toy(), 0.25, 5))
    assert set(features.asked[:3]) == held
    assert set(features.asked[3:]) == train
    assert len(features.asked) == 3 + 6 * 4


def test_held_out_windows_are_bounded(tmp_path):
    features = Features()
    tune(tmp_path / "work", features, holdout_windows=33)
    _, held = ({each.image for each in part} for part in hold_out(toy(), 0.25, 5))
    assert sum(image in held for image in features.asked) == 2


def test_scale_is_the_best_or_any(tmp_path):
    best, anyone = Features(), Features()
    tune(tmp_path / "best", best)
    tune(tmp_path / "any", anyone, scale_choice="random")
    assert all(scales is None for scales in best.scales)
    assert set(torch.cat(anyone.scales).tolist()) == {0, 1, 2}


def test_random_scales_differ_from_image_to_image_and_by_the_seed(tmp_path):
    first, other = Features(), Features()
    tune(tmp_path / "a", first, scale_choice="random")
    tune(tmp_path / "b", other, scale_choice="random", seed=6)
    assert not torch.equal(first.scales[0], first.scales[1])
    assert not torch.equal(first.scales[0], other.scales[0])


def test_held_out_boxes_are_drawn_by_the_seed(tmp_path):
    drawn = []
    for number, seed in enumerate((5, 5, 6)):
        features = Features()
        tune(tmp_path / str(number), features, seed=seed)
        drawn.append(features.rows[0])  # the same boxes to choose from in all images
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def without_speed(history):
    return [{**row, "images_per_second": 0} for row in history]


def test_killed_and_resumed_gives_the_same_weights(tmp_path):
    whole, history = tune(tmp_path / "whole", Features())
    dying = Features()
    dying.left = 3 + 4 * 3 + 2
    with pytest.raises(KeyboardInterrupt):
        tune(tmp_path / "killed", dying)
    resumed, same = tune(tmp_path / "killed", Features())
    assert network_sha(resumed) == network_sha(whole)
    assert without_speed(same) == without_speed(history)


def test_weights_depend_on_the_seed_alone(tmp_path):
    torch.manual_seed(1)
    first, _ = tune(tmp_path / "a", Features())
    torch.manual_seed(2)
    second, _ = tune(tmp_path / "b", Features())
    other, _ = tune(tmp_path / "c", Features(), seed=6)
    assert network_sha(first) == network_sha(second) != network_sha(other)


def test_network_ends_as_the_snapshot_of_the_lowest_held_out_loss(tmp_path, monkeypatch):
    last = []

    def fit_and_ask_again(module, batches, validate, **settings):
        history = fit(module, batches, validate, **settings)
        last.append(validate(module)["loss"])
        return history

    monkeypatch.setattr(finetune, "fit", fit_and_ask_again)
    (tmp_path / "work").mkdir()
    history = finetune_maps(
        network(),
        toy(),
        Features(),
        finetuning=spp(learning_rate=0.5, milestones=(6 * 8,)),
        restart=tmp_path / "work",
    )
    losses = [row["loss"] for row in history]
    assert losses[-1] > min(losses)
    assert last == [pytest.approx(min(losses))]


def test_without_held_out_images_all_train_and_the_last_iterate_stays(tmp_path, monkeypatch):
    features, selected = Features(), []

    def remember(*given, **settings):
        selected.append(settings["select"])
        history = fit(*given, **settings)
        last.update({name: value.clone() for name, value in net.state_dict().items()})
        return history

    net, last = network(), {}
    monkeypatch.setattr(finetune, "fit", remember)
    _, history = tune(tmp_path / "work", features, net, holdout=0.0)
    assert set(features.asked) == {each.image for each in toy()}
    assert len(features.asked) == 6 * 4 and selected == [None]
    assert all(torch.equal(value, last[name]) for name, value in net.state_dict().items())
    columns = {"epoch", "lr", "train_loss", "train_error", "images_per_second"}
    assert len(history) == 6 and all(row.keys() == columns for row in history)


def test_boxes_of_neither_kind_are_an_error(tmp_path):
    with pytest.raises(SppnetError, match="no box of a chunk"):
        tune(tmp_path / "work", Features(), positive_iou=0.9, negative_low=0.3)


def of_file(regions, path):
    return replace(regions, path=str(path), sha256=file_sha256(path))


def coloured(folder):
    """Foreground is a striped square whose direction is its class, on grey."""
    stripes = (np.arange(32) // 4 % 2 * 255).astype(np.uint8)
    for number in range(12):
        pixels = np.full((64, 64, 3), 128, np.uint8)
        tile = stripes[None, :, None] if number % 2 else stripes[:, None, None]
        pixels[:32, :32] = tile
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return [of_file(each, folder / each.path) for each in toy()]


def test_crops_train_all_layers(tmp_path):
    net, before = network(), network().state_dict()
    (tmp_path / "work").mkdir()
    history = finetune_crops(
        net,
        coloured(tmp_path),
        warp=Warp(crop=48, context=4),
        finetuning=rcnn(mirror=True, iterations=4 * 8, learning_rate=0.01),
        restart=tmp_path / "work",
    )
    assert history[-1]["loss"] < 0.6 * np.log(3)
    assert not any(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_crops_train_scales_of_batch_normalisation_but_not_its_statistics(tmp_path):
    net = network("efficientnet_lite0", 1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    (tmp_path / "work").mkdir()
    finetune_crops(
        net,
        coloured(tmp_path),
        warp=Warp(crop=48, context=4),
        finetuning=rcnn(mirror=True, iterations=8, learning_rate=1e-4),
        restart=tmp_path / "work",
    )
    buffers = {name for name, _ in net.named_buffers()}
    changed = {n for n, value in net.state_dict().items() if not torch.equal(value, before[n])}
    assert len(buffers) > 100 and not changed & buffers
    assert "backbone.4.bn1.weight" in changed and "backbone.4.bn1.bias" in changed


@pytest.mark.parametrize("method", ["spp", "rcnn"])
def test_dropout_is_that_of_the_settings(tmp_path, method):
    net, common = network(), {"iterations": 8, "dropout": 0.25}
    if method == "spp":
        tune(tmp_path / "work", Features(), net, **common)
    else:
        (tmp_path / "work").mkdir()
        warp, finetuning = Warp(crop=48, context=4), rcnn(mirror=True, **common)
        work = tmp_path / "work"
        finetune_crops(net, coloured(tmp_path), warp=warp, finetuning=finetuning, restart=work)
    assert net.dropout == 0.25


def shaded(folder):
    """Images that no two columns of are alike, so a mirrored crop differs from itself."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "shaded.png")
    return [of_file(each, folder / "shaded.png") for each in toy(images=2)]


def batches_of_crops(folder, monkeypatch, *, mirror, seed=5):
    """Training batches of two chunks, and the crops that are held out."""
    seen, held = [], []

    def collect(module, batches, validate, *, seed, **settings):
        generator = torch.Generator().manual_seed(seed)
        seen.extend(inputs for chunk in range(2) for inputs, _ in batches(chunk, generator))
        monkeypatch.setattr(finetune, "_evaluate", lambda *given: held.append(given[2]))
        validate(module)
        return []

    monkeypatch.setattr(finetune, "fit", collect)
    finetune_crops(
        network(),
        shaded(folder),
        warp=Warp(crop=16, context=2),
        finetuning=rcnn(mirror=mirror, seed=seed, windows_per_image=4),
        restart=folder,
    )
    return torch.cat(seen), held[0]


def test_half_of_the_crops_trained_on_are_mirrored(tmp_path, monkeypatch):
    crops, held = batches_of_crops(tmp_path, monkeypatch, mirror=True)
    again, _ = batches_of_crops(tmp_path, monkeypatch, mirror=True)
    other, _ = batches_of_crops(tmp_path, monkeypatch, mirror=True, seed=6)
    assert torch.equal(crops, again) and not torch.equal(crops, other)
    # all boxes of an image look like one of two crops, whatever is drawn
    plain, unchanged = batches_of_crops(tmp_path, monkeypatch, mirror=False)
    originals = torch.unique(plain, dim=0)
    assert len(originals) == 2 and torch.equal(held, unchanged)
    as_it_is, flipped = (
        (crops[:, None] == each).flatten(2).all(2).any(1) for each in (originals, originals.flip(3))
    )
    assert (as_it_is ^ flipped).all()
    assert 0.2 < float(flipped.float().mean()) < 0.8
