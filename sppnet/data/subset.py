"""A subset of a data set that keeps every class."""

from collections.abc import Iterator, Sequence

from sppnet.data.manifest import ImageRecord, class_list
from sppnet.errors import SppnetError


def subset(records: Sequence[ImageRecord], count: int | None) -> list[ImageRecord]:
    """At most `count` records, in their own order; all of them when None.

    The classes take turns in the order of their names, and each takes its first remaining image. So
    no class is missing if there are at least as many images as classes.

    Raises:
        SppnetError: count below 1.
    """
    if count is not None and count < 1:
        raise SppnetError(f"--images {count}: must be at least 1")
    if count is None or count >= len(records):
        return list(records)
    chosen = _by_turns(records)
    return [records[index] for index in sorted(next(chosen) for _ in range(count))]


def _by_turns(records: Sequence[ImageRecord]) -> Iterator[int]:
    """Indices of all records, class by class in turn; those without an object come last."""
    waiting = [
        [index for index, record in enumerate(records) if name in record.class_names]
        for name in class_list(records)
    ]
    waiting.append(list(range(len(records))))
    taken: set[int] = set()
    while any(waiting[:-1]):
        for indices in waiting[:-1]:
            remaining = [index for index in indices if index not in taken]
            indices[:] = remaining[1:]
            if remaining:
                taken.add(remaining[0])
                yield remaining[0]
    yield from (index for index in waiting[-1] if index not in taken)
