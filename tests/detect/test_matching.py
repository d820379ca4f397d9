import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sppnet.detect.matching import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, match_detections
from sppnet.errors import SppnetError

BOX = ["x1", "y1", "x2", "y2"]


def found(*rows: tuple[str, float, list[float]]) -> pd.DataFrame:
    return pd.DataFrame([(i, s, *b) for i, s, b in rows], columns=["image", "score", *BOX])


def objects(*rows: tuple[str, list[float], bool]) -> pd.DataFrame:
    table = pd.DataFrame([(i, *b, d) for i, b, d in rows], columns=["image", *BOX, "difficult"])
    return table.astype({"difficult": bool})


def outcomes(detections: pd.DataFrame, truth: pd.DataFrame, iou: float = 0.5) -> list[int]:
    return match_detections(detections, truth, iou=iou)[0].tolist()


SQUARE = [0, 0, 10, 10]


@pytest.mark.parametrize(("x2", "outcome"), [(20, TRUE_POSITIVE), (21, FALSE_POSITIVE)])
def test_an_overlap_of_exactly_the_threshold_is_a_hit(x2: int, outcome: int) -> None:
    # 100 / 200 = 0.5 and 100 / 210
    assert outcomes(found(("a", 1, [0, 0, x2, 10])), objects(("a", SQUARE, False))) == [outcome]


def test_the_second_detection_of_an_object_is_a_miss() -> None:
    detections = found(("a", 1, SQUARE), ("a", 3, [0, 0, 10, 9]), ("a", 2, SQUARE))
    result, order = match_detections(detections, objects(("a", SQUARE, False)), iou=0.5)
    assert result.tolist() == [TRUE_POSITIVE, FALSE_POSITIVE, FALSE_POSITIVE]
    assert order.tolist() == [1, 2, 0]


def test_every_detection_of_a_difficult_object_is_ignored() -> None:
    detections = found(("a", 3, SQUARE), ("a", 2, SQUARE), ("a", 1, [50, 50, 60, 60]))
    assert outcomes(detections, objects(("a", SQUARE, True))) == [IGNORED, IGNORED, FALSE_POSITIVE]


def test_the_highest_overlap_decides_even_if_another_object_is_still_free() -> None:
    truth = objects(("a", SQUARE, False), ("a", [0, 0, 10, 12], False))
    # the second detection lies better on the first object (1 against 10 / 12), which is taken
    assert outcomes(found(("a", 2, SQUARE), ("a", 1, SQUARE)), truth) == [
        TRUE_POSITIVE,
        FALSE_POSITIVE,
    ]


def test_the_first_of_equally_overlapped_objects_is_met() -> None:
    twice = found(("a", 1, SQUARE))
    assert outcomes(twice, objects(("a", SQUARE, True), ("a", SQUARE, False))) == [IGNORED]
    assert outcomes(twice, objects(("a", SQUARE, False), ("a", SQUARE, True))) == [TRUE_POSITIVE]


def test_equal_scores_keep_their_order() -> None:
    detections = found(*[("a", 1.0, [0, 0, 10, 10 + i]) for i in range(40)])
    result, order = match_detections(detections, objects(("a", SQUARE, False)), iou=0.1)
    assert order.tolist() == list(range(40))
    assert result.tolist() == [TRUE_POSITIVE, *[FALSE_POSITIVE] * 39]


def test_objects_of_other_images_do_not_matter() -> None:
    truth = objects(("b", SQUARE, False), ("a", [30, 30, 40, 40], False), ("b", SQUARE, True))
    detections = found(("a", 3, SQUARE), ("b", 2, SQUARE), ("c", 1, SQUARE))
    assert outcomes(detections, truth) == [FALSE_POSITIVE, TRUE_POSITIVE, FALSE_POSITIVE]


def test_empty_tables() -> None:
    assert outcomes(found(), objects(("a", SQUARE, False))) == []
    assert outcomes(found(("a", 1, SQUARE)), objects()) == [FALSE_POSITIVE]
    assert outcomes(found(), objects()) == []


def by_the_book(detections: pd.DataFrame, truth: pd.DataFrame, iou: float) -> list[int]:
    """VOCevaldet.m in plain loops, with its inclusive corners."""
    result, taken = [], set()
    for row in sorted(detections.itertuples(), key=lambda row: -row.score):
        best, partner = -np.inf, None
        for item in truth[truth["image"] == row.image].itertuples():
            width = min(row.x2 - 1, item.x2 - 1) - max(row.x1, item.x1) + 1
            height = min(row.y2 - 1, item.y2 - 1) - max(row.y1, item.y1) + 1
            if width > 0 and height > 0:
                own = (row.x2 - row.x1) * (row.y2 - row.y1)
                union = own + (item.x2 - item.x1) * (item.y2 - item.y1) - width * height
                if width * height / union > best:
                    best, partner = width * height / union, item
        if partner is None or best < iou:
            result.append(FALSE_POSITIVE)
        elif partner.difficult:
            result.append(IGNORED)
        else:
            result.append(FALSE_POSITIVE if partner.Index in taken else TRUE_POSITIVE)
            taken.add(partner.Index)
    return result


@given(seed=st.integers(0, 2**32 - 1), iou=st.sampled_from([0.1, 0.3, 0.5]))
def test_equals_the_devkits_loops(seed: int, iou: float) -> None:
    generator = np.random.default_rng(seed)

    def boxes(count: int) -> np.ndarray:
        corner = generator.integers(0, 4, (count, 2))
        return np.hstack([corner, corner + generator.integers(1, 6, (count, 2))])

    names = list("abc")
    detections = pd.DataFrame(boxes(30), columns=BOX).assign(
        image=generator.choice(names, 30), score=generator.integers(0, 10, 30)
    )
    truth = pd.DataFrame(boxes(9), columns=BOX).assign(
        image=generator.choice(names, 9), difficult=generator.random(9) < 0.3
    )
    assert outcomes(detections, truth, iou) == by_the_book(detections, truth, iou)


def test_unfit_tables_are_named() -> None:
    truth = objects(("a", SQUARE, False))
    with pytest.raises(SppnetError, match="no column 'score'"):
        outcomes(found(("a", 1, SQUARE)).drop(columns="score"), truth)
    with pytest.raises(SppnetError, match="no column 'difficult'"):
        outcomes(found(("a", 1, SQUARE)), truth.drop(columns="difficult"))
    with pytest.raises(SppnetError, match="NaN"):
        outcomes(found(("a", np.nan, SQUARE)), truth)
