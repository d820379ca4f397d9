import pytest
import torch
from torch import nn
from torch.nn import functional

from sppnet.errors import SppnetError
from sppnet.models import training
from sppnet.models.training import Schedule, fit, train_epochs

CLASSES = 3


class Killed(Exception):
    """Stands for a kill signal."""


class Small(nn.Module):
    """Convolution in channels-last layout, batch statistics, dropout and a classifier."""

    def __init__(self, seed=0):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3).to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(8)
        self.out = nn.Linear(8, CLASSES)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in self.parameters():
                weight.normal_(0, 0.3, generator=generator)

    def forward(self, maps):
        hidden = functional.relu(self.norm(self.conv(maps))).mean(dim=(2, 3))
        return self.out(functional.dropout(hidden, 0.5, self.training))


def schedule(**changes):
    values = {
        "learning_rate": 0.1,
        "milestones": (3,),
        "epochs": 5,
        "momentum": 0.9,
        "weight_decay": 1e-3,
        "warmup": 4,
    }
    return Schedule(**(values | changes))


def batches(epoch, generator):
    """Three random batches; the channel of the label is raised."""
    for _ in range(3):
        labels = torch.randint(CLASSES, (8,), generator=generator)
        inputs = torch.randn(8, 4, 5, 5, generator=generator)
        inputs[torch.arange(8), labels] += 1
        yield inputs, labels


def nothing(module):
    return {}


def train(module, restart, **changes):
    arguments = {
        "epoch_batches": batches,
        "validate": nothing,
        "schedule": schedule(),
        "seed": 1,
        "restart": restart,
        "select": None,
    }
    restart.mkdir(parents=True, exist_ok=True)
    return fit(module, **(arguments | changes))


def same(first, second):
    states = first.state_dict(), second.state_dict()
    assert states[0].keys() == states[1].keys()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def without_speed(history):
    return [{k: v for k, v in row.items() if k != "images_per_second"} for row in history]


def test_a_plateau_shows_in_the_history_and_survives_a_kill(tmp_path):
    errors = [0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    plan = schedule(epochs=7, milestones=(), plateau=2, warmup=0)

    def validate_from(epoch, death=None):
        def validate(module):
            nonlocal epoch
            if epoch == death:
                raise Killed
            epoch += 1
            return {"held_out_error": errors[epoch - 1], "validation_error": 1 / epoch}

        return validate

    whole, continued = Small(), Small()
    rows = train(whole, tmp_path / "whole", schedule=plan, validate=validate_from(0))
    expected = [0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    assert [row["lr"] for row in rows] == pytest.approx(expected)
    with pytest.raises(Killed):
        train(Small(), tmp_path / "b", schedule=plan, validate=validate_from(0, death=4))
    train(continued, tmp_path / "b", schedule=plan, validate=validate_from(4))
    assert same(whole, continued)


def test_two_steps_by_hand(tmp_path):
    """v = 0.9 v + g + decay w; w -= rate v; biases: twice the rate, no decay."""
    layer = nn.Linear(2, 2)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    inputs, labels = torch.tensor([[1.0, -2.0], [0.5, 3.0]]), torch.tensor([0, 1])
    speeds = [torch.zeros_like(weight), torch.zeros_like(bias)]
    for _ in range(2):
        probabilities = (inputs @ weight.T + bias).softmax(dim=1)
        error = (probabilities - functional.one_hot(labels, 2)) / 2
        speeds[0] = 0.9 * speeds[0] + error.T @ inputs + 1e-3 * weight
        speeds[1] = 0.9 * speeds[1] + error.sum(dim=0)
        weight, bias = weight - 0.1 * speeds[0], bias - 0.2 * speeds[1]
    plan = schedule(epochs=1, warmup=0)
    train(layer, tmp_path, epoch_batches=lambda *_: iter([(inputs, labels)] * 2), schedule=plan)
    assert torch.allclose(layer.weight, weight, atol=1e-6)
    assert torch.allclose(layer.bias, bias, atol=1e-6)


def test_two_steps_of_adamw_by_hand(tmp_path):
    """w -= rate decay w; w -= rate m / (sqrt(v) + eps), with m and v freed of their bias."""
    layer = nn.Linear(2, 2, bias=False)
    weight = layer.weight.detach().clone()
    inputs, labels = torch.tensor([[1.0, -2.0], [0.5, 3.0]]), torch.tensor([0, 1])
    mean, square = torch.zeros_like(weight), torch.zeros_like(weight)
    for step in (1, 2):
        error = ((inputs @ weight.T).softmax(dim=1) - functional.one_hot(labels, 2)) / 2
        gradient = error.T @ inputs
        mean, square = 0.8 * mean + 0.2 * gradient, 0.999 * square + 0.001 * gradient**2
        scaled = (mean / (1 - 0.8**step)) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
        weight = weight * (1 - 0.1 * 1e-3) - 0.1 * scaled
    plan = schedule(epochs=1, warmup=0, optimiser="adamw", momentum=0.8)
    train(layer, tmp_path, epoch_batches=lambda *_: iter([(inputs, labels)] * 2), schedule=plan)
    assert torch.allclose(layer.weight, weight, atol=1e-5)


def test_epochs_without_end_are_those_of_fit(tmp_path, capsys):
    kept, timed = Small(), Small()
    rows = train(kept, tmp_path, schedule=schedule(milestones=()))
    capsys.readouterr()
    before = torch.get_rng_state()
    epochs = train_epochs(timed, batches, schedule=schedule(milestones=()), seed=1)
    found = [next(epochs) for _ in rows]
    assert without_speed(found) == without_speed(rows) and same(kept, timed)
    assert torch.equal(torch.get_rng_state(), before)
    assert capsys.readouterr().err == ""  # a bar for each of many short epochs would take time


def test_history_tells_what_happened(tmp_path):
    rows = train(Small(), tmp_path, validate=lambda module: {"top1": 0.25})
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    # the rate of the last iteration; iterations 1-4 warm up, the rate drops after 3 epochs
    assert [row["lr"] for row in rows] == pytest.approx([0.06, 0.1, 0.1, 0.01, 0.01])
    assert all(row["top1"] == 0.25 and row["images_per_second"] > 0 for row in rows)


def test_loss_and_error_are_means_over_images(tmp_path):
    """Weights stand still at rate 0, so both can be computed from the logits."""
    layer, generator = nn.Linear(2, 2), torch.Generator().manual_seed(4)
    sizes = (6, 2)
    given = [
        (torch.randn(n, 2, generator=generator), torch.randint(2, (n,), generator=generator))
        for n in sizes
    ]
    inputs, labels = (torch.cat(part) for part in zip(*given, strict=True))
    row = train(
        layer,
        tmp_path,
        epoch_batches=lambda *_: iter(given),
        schedule=schedule(epochs=1, learning_rate=1e-12),
    )[0]
    logits = layer(inputs).detach()
    assert row["train_loss"] == pytest.approx(float(functional.cross_entropy(logits, labels)))
    assert row["train_error"] == float((logits.argmax(dim=1) != labels).float().mean())


def test_it_learns_and_ends_in_evaluation_mode(tmp_path):
    module = Small()
    rows = train(module, tmp_path, schedule=schedule(epochs=30, milestones=(25,)))
    assert rows[-1]["train_loss"] < 0.8 * rows[0]["train_loss"]
    assert not module.training


def test_validation_sees_the_module_in_evaluation_mode(tmp_path):
    modes = []
    train(Small(), tmp_path, validate=lambda module: modes.append(module.training) or {})
    assert modes == [False] * 5


@pytest.mark.parametrize("epoch", [0, 1, 3, 4])
@pytest.mark.parametrize("where", ["validation", "batch"])
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_killed_and_continued_equals_never_killed(tmp_path, epoch, where, optimiser):
    whole, broken = Small(), Small()
    plan = schedule(optimiser=optimiser)
    expected = train(whole, tmp_path / "whole", schedule=plan)
    seen = []

    def dies_in_validation(module):
        seen.append(1)
        if len(seen) > epoch:
            raise Killed
        return {}

    def dies_in_batch(number, generator):
        yield next(iter(batches(number, generator)))
        if number == epoch:
            raise Killed
        raise AssertionError

    def dying(number, generator):
        return (dies_in_batch if number == epoch else batches)(number, generator)

    death = {"validate": dies_in_validation} if where == "validation" else {"epoch_batches": dying}
    with pytest.raises(Killed):
        train(broken, tmp_path / "broken", schedule=plan, **death)
    # a new process starts from the first weights again
    continued = Small()
    history = train(continued, tmp_path / "broken", schedule=plan)
    assert same(whole, continued)
    assert without_speed(history) == without_speed(expected)


def test_killed_between_snapshot_and_checkpoint(tmp_path, monkeypatch):
    """The best snapshot is one epoch ahead of the checkpoint; that epoch is then run again."""
    errors = [0.4, 0.3, 0.2, 0.3, 0.3]

    def validate_from(epoch):
        given = iter(errors[epoch:])
        return lambda module: {"e": next(given)}

    whole, continued = Small(), Small()
    train(whole, tmp_path / "whole", validate=validate_from(0), select="e")
    save = training._Run.save

    def dying(run, restart):
        if len(run.history) == 3:
            raise Killed
        save(run, restart)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(training._Run, "save", dying)
        train(Small(), tmp_path / "b", validate=validate_from(0), select="e")
    train(continued, tmp_path / "b", validate=validate_from(2), select="e")
    assert same(whole, continued)


def test_a_finished_run_returns_at_once(tmp_path):
    module = Small()
    history = train(module, tmp_path)
    again = Small(seed=9)
    assert train(again, tmp_path, epoch_batches=None, validate=None) == history
    assert same(module, again)


def test_the_seed_decides_everything_and_the_global_generator_nothing(tmp_path):
    first, again, other = Small(), Small(), Small()
    torch.manual_seed(1)
    train(first, tmp_path / "1")
    torch.manual_seed(2)
    before = torch.get_rng_state()
    train(again, tmp_path / "2")
    assert torch.equal(before, torch.get_rng_state())
    train(other, tmp_path / "3", seed=2)
    assert same(first, again)
    assert not same(first, other)


def test_dropout_differs_between_epochs(tmp_path):
    masks = []

    class Mask(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, inputs):
            masks.append(functional.dropout(torch.ones(64), 0.5, self.training))
            return inputs * self.scale

    inputs = torch.randn(4, 2), torch.zeros(4, dtype=torch.int64)
    train(Mask(), tmp_path, epoch_batches=lambda *_: iter([inputs] * 2))
    assert len({tuple(mask.tolist()) for mask in masks}) == 10


@pytest.mark.parametrize(
    ("values", "chosen"), [([0.5, 0.3, 0.4, 0.6, 0.7], 2), ([0.3, 0.2, 0.4, 0.2, 0.3], 2)]
)
def test_the_first_lowest_snapshot_is_kept(tmp_path, values, chosen):
    given = iter(values)
    module, shorter = Small(), Small()
    train(module, tmp_path / "5", validate=lambda _: {"loss": next(given)}, select="loss")
    train(shorter, tmp_path / "2", schedule=schedule(epochs=chosen))
    assert same(module, shorter)


def test_a_resumed_run_still_knows_its_best_snapshot(tmp_path):
    values = iter([0.5, 0.1, None])

    def validate(module):
        value = next(values)
        if value is None:
            raise Killed
        return {"loss": value}

    with pytest.raises(Killed):
        train(Small(), tmp_path / "5", validate=validate, select="loss")
    module, shorter = Small(seed=5), Small()
    train(module, tmp_path / "5", validate=lambda _: {"loss": 0.4}, select="loss")
    train(shorter, tmp_path / "2", schedule=schedule(epochs=2))
    assert same(module, shorter)


def test_frozen_parameters_stay(tmp_path):
    module = Small()
    module.conv.requires_grad_(False)
    before = module.conv.weight.clone()
    out = module.out.weight.clone()
    train(module, tmp_path)
    assert torch.equal(module.conv.weight, before)
    assert not torch.equal(module.out.weight, out)


def test_without_momentum(tmp_path):
    plan = schedule(momentum=0.0)
    whole, continued = Small(), Small()
    train(whole, tmp_path / "1", schedule=plan)
    train(Small(), tmp_path / "2", schedule=schedule(momentum=0.0, epochs=2))
    train(continued, tmp_path / "2", schedule=plan)
    assert same(whole, continued)


def test_a_loss_that_is_no_number_is_an_error(tmp_path):
    given = torch.full((2, 4, 6, 6), torch.nan), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(SppnetError, match=r"loss is nan in epoch 1.*learning rate"):
        train(Small(), tmp_path, epoch_batches=lambda *_: iter([given]))
    assert not list(tmp_path.iterdir())


def test_an_epoch_without_a_batch_is_an_error(tmp_path):
    with pytest.raises(SppnetError, match="no batch"):
        train(Small(), tmp_path, epoch_batches=lambda *_: iter([]))


def test_a_checkpoint_of_another_network_is_an_error(tmp_path):
    inputs = torch.randn(4, 2), torch.zeros(4, dtype=torch.int64)
    train(nn.Linear(2, 2), tmp_path, epoch_batches=lambda *_: iter([inputs]))
    with pytest.raises(SppnetError, match=r"checkpoint.*delete it") as error:
        train(Small(), tmp_path)
    assert "\n" not in str(error.value)


def test_a_checkpoint_cut_short_is_an_error(tmp_path):
    train(Small(), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SppnetError, match=r"checkpoint.*not a complete") as error:
        train(Small(), tmp_path)
    assert "\n" not in str(error.value)


def test_mixed_precision_keeps_weights_in_32_bits_and_is_near(tmp_path):
    seen = []

    class Watched(nn.Linear):
        def forward(self, inputs):
            logits = super().forward(inputs)
            seen.append(logits.dtype)
            return logits

    def train_layer(restart, **changes):
        layer = Watched(8, CLASSES)
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for weight in layer.parameters():
                weight.normal_(0, 0.3, generator=generator)
        inputs = torch.randn(16, 8, generator=generator)
        labels = inputs[:, :CLASSES].argmax(dim=1)
        given = {"epoch_batches": lambda *_: iter([(inputs, labels)] * 5)}
        rows = train(layer, restart, schedule=schedule(warmup=0), **given, **changes)
        return layer, rows

    full, rows = train_layer(tmp_path / "full")
    mixed, mixed_rows = train_layer(tmp_path / "mixed", precision="mixed")
    assert seen == [torch.float32] * 25 + [torch.bfloat16] * 25
    assert mixed.weight.dtype == torch.float32
    assert not torch.equal(mixed.weight, full.weight)
    torch.testing.assert_close(mixed.weight, full.weight, rtol=0.05, atol=0.05)
    assert mixed_rows[-1]["train_loss"] == pytest.approx(rows[-1]["train_loss"], rel=0.05)
