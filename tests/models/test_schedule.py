import pytest

from sppnet.models.schedule import Schedule, plateau_reductions


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


def test_rate_rises_and_drops():
    plan = schedule(milestones=(1, 3))
    # warm-up over 4 iterations: the fifth runs at the full rate
    assert [plan.rate(0, step) for step in (0, 1, 3, 4, 9)] == pytest.approx(
        [0.02, 0.04, 0.08, 0.1, 0.1]
    )
    assert [plan.rate(epoch, 99) for epoch in range(5)] == pytest.approx(
        [0.1, 0.01, 0.01, 0.001, 0.001]
    )
    assert schedule(warmup=0).rate(0, 0) == 0.1


def test_rate_falls_along_half_a_cosine():
    plan = schedule(annealing="cosine", milestones=(), epochs=4, warmup=0)
    rates = [plan.rate(epoch, 99) for epoch in range(4)]
    assert rates == pytest.approx([0.1, 0.1 * (1 + 0.5**0.5) / 2, 0.05, 0.1 * (1 - 0.5**0.5) / 2])
    assert schedule(annealing="cosine").rate(0, 0) == pytest.approx(0.1 / 5)  # warm-up as ever


@pytest.mark.parametrize(
    ("errors", "reductions"),
    [
        ([], 0),
        ([0.9, 0.8, 0.7, 0.6], 0),
        ([0.5, 0.5], 0),
        ([0.5, 0.5, 0.5], 1),  # an equal error is no improvement
        ([0.5, 0.6, 0.4, 0.6, 0.3, 0.6], 0),  # never two in a row
        ([0.5, 0.6, 0.6, 0.6], 1),  # counted anew after a drop
        ([0.5, 0.6, 0.6, 0.55, 0.55], 2),  # against the lowest, not against the last
        ([0.5, 0.6, 0.6, 0.4, 0.4, 0.4], 2),
        ([0.5] * 20, 2),  # twice at most
    ],
)
def test_rate_drops_when_the_error_stops_falling(errors, reductions):
    assert plateau_reductions(errors, 2) == reductions
    rate = schedule(milestones=(), plateau=2, warmup=0).rate(len(errors), 99, errors)
    assert rate == pytest.approx(0.1 / 10**reductions)
