"""Checks that need both the training and the test images."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from sppnet.data.manifest import ImageRecord, Problem, class_list
from sppnet.errors import SppnetError

Checked = tuple[list[ImageRecord], list[Problem]]


def check_splits(
    training: Sequence[ImageRecord], testing: Sequence[ImageRecord], where: str
) -> Checked:
    """The images of both splits that can be used together, and the problems.

    Args:
        training: records to learn from.
        testing: records to measure on.
        where: name of the data set, for problems that concern no single file.

    Returns:
        Training records, then test records; and the problems.
    """
    alike = similar_classes(class_list([*training, *testing]), where)
    training, listed = leave_out_listed(training, testing)
    testing, unknown = keep_known_classes(testing, class_list(training))
    same = same_pictures(training, testing)
    unmeasured = unmeasured_classes(training, testing, where)
    return [*training, *testing], [*alike, *listed, *unknown, *same, *unmeasured]


def similar_classes(classes: Iterable[str], where: str) -> list[Problem]:
    """Names of classes that differ only in case or white space, which may be meant."""
    groups: dict[str, list[str]] = {}
    for name in sorted(classes):
        groups.setdefault("".join(name.split()).casefold(), []).append(name)
    return [
        Problem(
            where,
            f"classes {', '.join(map(repr, names))} differ in case or white space only",
            f"kept as {len(names)} classes",
        )
        for names in groups.values()
        if len(names) > 1
    ]


def leave_out_listed(training: Sequence[ImageRecord], testing: Sequence[ImageRecord]) -> Checked:
    """Training images whose id is not in the test list too."""
    tested = {record.image for record in testing}
    problems = [
        Problem(record.path, "in the training list and in the test list", "left out of training")
        for record in training
        if record.image in tested
    ]
    return [record for record in training if record.image not in tested], problems


def same_pictures(training: Iterable[ImageRecord], testing: Iterable[ImageRecord]) -> list[Problem]:
    """Test pictures with the same bytes as a training picture."""
    trained = {record.sha256: record.path for record in training}
    return [
        Problem(
            record.path, f"same bytes as {trained[record.sha256]}", "kept, makes the test easier"
        )
        for record in testing
        if record.sha256 in trained
    ]


def keep_known_classes(testing: Iterable[ImageRecord], classes: Iterable[str]) -> Checked:
    """Test images with only those objects and labels that occur in training.

    Args:
        testing: records of one data set.
        classes: names that occur in training.

    Returns:
        The records without unknown objects and without images of an unknown label; an image that
        loses its objects stays, since nothing should be detected in it.
    """
    known = set(classes)
    records, problems = [], []
    for record in testing:
        if record.label is not None and record.label not in known:
            problem = f"class {record.label!r} does not occur in training"
            problems.append(Problem(record.path, problem, "image left out"))
            continue
        for name in sorted(set(record.class_names) - known):
            problem = f"class {name!r} does not occur in training"
            problems.append(Problem(record.path, problem, "its objects dropped"))
        records.append(_with_classes(record, known))
    return records, problems


def _with_classes(record: ImageRecord, known: set[str]) -> ImageRecord:
    is_known = np.array([name in known for name in record.class_names], bool)
    return replace(
        record,
        class_names=tuple(name for name in record.class_names if name in known),
        boxes=record.boxes[is_known],
        difficult=record.difficult[is_known],
    )


def unmeasured_classes(
    training: Iterable[ImageRecord], testing: Iterable[ImageRecord], where: str
) -> list[Problem]:
    """Training classes without a test label or an evaluated test object."""
    measured = {
        name
        for record in testing
        for name, difficult in zip(record.class_names, record.difficult, strict=True)
        if not difficult
    }
    measured |= {record.label for record in testing if record.label}
    return [
        Problem(where, f"class {name!r} of training has nothing to test on", "kept")
        for name in class_list(training)
        if name not in measured
    ]


def require_usable(records: Sequence[ImageRecord], where: str, *, tested: bool) -> None:
    """Refuse a split with nothing to train or to test on.

    Args:
        records: of one split.
        where: name of the split for the message.
        tested: whether something is measured on the split.

    Raises:
        SppnetError: no image; no object, or to test on only difficult ones; or a single label to
            train on.
    """
    if not records:
        raise SppnetError(f"{where}: no usable picture")
    classes = class_list(records)
    if not classes:
        raise SppnetError(f"{where}: no usable object in any picture")
    if any(record.label for record in records):
        if len(classes) == 1 and not tested:
            raise SppnetError(
                f"{where}: {classes[0]!r} is the only class with a usable picture, so there is "
                "nothing to tell apart"
            )
    elif tested and all(record.difficult.all() for record in records):
        raise SppnetError(f"{where}: every object is difficult, and those do not count")
