from functools import partial

import numpy as np
import pandas as pd
import pytest

from sppnet.detect.average_precision import (
    ClassCurve,
    average_precisions,
    class_curve,
    mean_average_precision,
    voc_average_precision,
)
from sppnet.errors import SppnetError
from sppnet.statistics.bootstrap import bootstrap_images
from sppnet.statistics.intervals import percentile_interval

BOX = ["x1", "y1", "x2", "y2"]
HERE, AWAY = [0, 0, 10, 10], [50, 50, 60, 60]


def sequence(hits: str, objects: int, difficult: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Detections with falling scores, one image each: + hit, - miss, o on a difficult object."""
    images = [f"{number:03d}" for number in range(max(objects + difficult + len(hits), 1))]
    easy = iter(images[:objects])
    hard = iter(images[objects : objects + difficult])
    rows = [
        (next(easy), *HERE) if mark == "+" else (next(hard), *HERE) if mark == "o" else ("x", *AWAY)
        for mark in hits
    ]
    detections = pd.DataFrame(rows, columns=["image", *BOX])
    detections["score"] = np.arange(len(rows), 0.0, -1.0)
    truth = pd.DataFrame(
        [
            (name, *HERE, index >= objects)
            for index, name in enumerate(images[: objects + difficult])
        ],
        columns=["image", *BOX, "difficult"],
    ).astype({"difficult": bool})
    return detections, truth


def test_by_hand() -> None:
    # + - +, 2 objects: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1
    result = voc_average_precision(*sequence("+-+", 2))
    assert result.recall.tolist() == [0.5, 0.5, 1]
    assert result.precision.tolist() == [1, 1 / 2, 2 / 3]
    assert result.ap == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)  # recalls 0 ... .5, .6 ... 1
    assert voc_average_precision(*sequence("+-+", 2), method="area").ap == pytest.approx(
        0.5 * 1 + 0.5 * 2 / 3
    )


def test_the_envelope_takes_the_best_precision_to_the_right() -> None:
    # - + +, 2 objects: precision 0, 1/2, 2/3; the best at any recall is 2/3
    assert voc_average_precision(*sequence("-++", 2)).ap == pytest.approx(2 / 3)
    assert voc_average_precision(*sequence("-++", 2), method="area").ap == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("found", "levels"), [(1, 2), (2, 3), (3, 3), (4, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 10)]
)
def test_recall_levels_are_matlabs(found: int, levels: int) -> None:
    # 3 of 10 objects do not reach the fourth level, which is 3 * 0.1 > 3 / 10 in doubles
    assert voc_average_precision(*sequence("+" * found, 10)).ap == pytest.approx(levels / 11)


def test_difficult_objects_neither_help_nor_harm() -> None:
    plain = voc_average_precision(*sequence("+-+", 3))
    with_difficult = voc_average_precision(*sequence("o+o-+", 3, difficult=4))
    assert with_difficult.ap == plain.ap
    assert with_difficult.objects == 3
    assert with_difficult.precision.tolist() == plain.precision.tolist()


def test_nothing_found_and_nothing_to_find() -> None:
    nothing = voc_average_precision(*sequence("", 2))
    assert nothing.ap == 0
    assert len(nothing.recall) == 0
    assert np.isnan(voc_average_precision(*sequence("o-", 0, difficult=1)).ap)
    assert np.isnan(voc_average_precision(*sequence("", 0)).ap)
    assert voc_average_precision(*sequence("--", 2)).ap == 0


def test_unknown_method() -> None:
    with pytest.raises(SppnetError, match="unknown"):
        voc_average_precision(*sequence("+", 1), method="101-point")  # type: ignore[arg-type]


def random_class(seed: int, images: int = 12) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    generator = np.random.default_rng(seed)
    names = [f"{number:02d}" for number in range(images)]

    def boxes(count: int) -> np.ndarray:
        corner = generator.integers(0, 6, (count, 2))
        return np.hstack([corner, corner + generator.integers(2, 9, (count, 2))])

    detections = pd.DataFrame(boxes(80), columns=BOX).assign(
        image=generator.choice(names, 80), score=generator.permutation(80) / 80
    )
    truth = pd.DataFrame(boxes(20), columns=BOX).assign(
        image=generator.choice(names[:-2], 20), difficult=generator.random(20) < 0.2
    )
    return detections, truth, names


def duplicated(table: pd.DataFrame, names: list[str], counts: np.ndarray) -> pd.DataFrame:
    """Each image as often as it was drawn, every copy an image of its own."""
    copies = [
        table[table["image"] == name].assign(image=f"{name}#{copy}")
        for name, count in zip(names, counts, strict=True)
        for copy in range(count)
    ]
    return pd.concat(copies).reset_index(drop=True)


@pytest.mark.parametrize("method", ["11-point", "area"])
@pytest.mark.parametrize("seed", range(5))
def test_weights_equal_copies_of_the_images(seed: int, method: str) -> None:
    detections, truth, names = random_class(seed)
    weights = np.random.default_rng(seed).multinomial(12, np.full(12, 1 / 12), size=20)
    curve = class_curve(detections, truth, names, iou=0.5)
    weighted = average_precisions(curve, weights.astype(float), method=method)  # type: ignore[arg-type]
    copied = [
        voc_average_precision(
            duplicated(detections, names, counts),
            duplicated(truth, names, counts),
            method=method,  # type: ignore[arg-type]
        ).ap
        for counts in weights
    ]
    if method == "11-point":
        assert weighted.tolist() == copied
    else:  # the same terms, added in another order
        np.testing.assert_allclose(weighted, copied, rtol=1e-12)


def test_an_image_that_is_not_evaluated_is_refused() -> None:
    detections, truth, names = random_class(0)
    with pytest.raises(SppnetError, match="not evaluated"):
        class_curve(detections, truth, names[:5], iou=0.5)


def curves(count: int) -> list[ClassCurve]:
    return [class_curve(*random_class(seed), iou=0.5) for seed in range(count)]


def test_a_class_without_objects_is_left_out_of_the_mean() -> None:
    detections, truth, names = random_class(3)
    empty = class_curve(detections, truth.assign(difficult=True), names, iou=0.5)
    once = np.ones((1, 12))
    others = curves(2)
    assert (
        mean_average_precision([*others, empty], once, method="area").tolist()
        == mean_average_precision(others, once, method="area").tolist()
    )
    assert np.isnan(mean_average_precision([empty], once, method="area")).all()


def test_interval_equals_percentiles_of_plain_samples() -> None:
    parts = [random_class(seed) for seed in range(2)]
    generator = np.random.default_rng(5)
    draws = generator.multinomial(12, np.full(12, 1 / 12), size=100)
    means = []
    for counts in draws:
        each = [
            voc_average_precision(duplicated(d, n, counts), duplicated(t, n, counts)).ap
            for d, t, n in parts
        ]
        means.append(np.nanmean(each))
    expected = np.sort(means)
    mean = partial(mean_average_precision, curves(2), method="11-point")
    found = bootstrap_images(mean, 12, replicates=100, seed=5)
    np.testing.assert_allclose(found, means, rtol=1e-12)
    low, high = percentile_interval(found)
    assert expected[2] <= low <= expected[3]  # the 2.5 % point lies between the 3rd and 4th of 100
    assert expected[96] <= high <= expected[97]
