"""The end of every preparation: the list of problems, the manifest, and a summary for people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sppnet.data.manifest import ImageRecord, Problem, write_manifest, write_problems
from sppnet.data.split_checks import require_usable

PROBLEMS_SHOWN = 5
CLASSES_SHOWN = 100


def write_prepared(
    records: Sequence[ImageRecord],
    image_problems: Sequence[Problem],
    splits: Sequence[str],
    *,
    manifest: Path,
    problems: Path,
) -> None:
    """Write what was read of one data set, and print how much of what there is.

    Args:
        records: usable images.
        image_problems: what was wrong with each file; written even where nothing usable is left.
        splits: each needs a usable image.
        manifest: Parquet file to write.
        problems: CSV file to write.

    Raises:
        SppnetError: a split has no image, or none with a label or an object.
    """
    write_problems(problems, image_problems)
    for split in splits:
        chosen = [record for record in records if record.split == split]
        name = " ".join(dict.fromkeys([*(record.dataset for record in records[:1]), split]))
        require_usable(chosen, name, str(problems))
    write_manifest(manifest, records)
    print("\n".join([*_counts(records, splits), *_first(image_problems, problems)]))


def _counts(records: Sequence[ImageRecord], splits: Sequence[str]) -> Iterator[str]:
    """One line per split, with the pictures or objects of each class."""
    for split in splits:
        chosen = [record for record in records if record.split == split]
        names = Counter(name for record in chosen for name in record.class_names)
        names.update(record.label for record in chosen if record.label)
        counts = ", ".join(f"{name} {count}" for name, count in sorted(names.items()))
        dataset = chosen[0].dataset
        hard = sum(int(record.difficult.sum()) for record in chosen)
        objects = f", {sum(names.values())} objects ({hard} difficult)" * (dataset == "detection")
        shown = f": {counts}" if len(names) <= CLASSES_SHOWN else ""
        yield f"{dataset} {split}: {len(chosen)} images{objects}, {len(names)} classes{shown}"


def _first(image_problems: Sequence[Problem], path: Path) -> Iterator[str]:
    yield f"{len(image_problems)} problems, listed in {path}"
    for problem in image_problems[:PROBLEMS_SHOWN]:
        line = f"  {problem.path}: {problem.problem}; {problem.action}"
        # A name on disk need not be UTF-8.
        yield line.encode(errors="backslashreplace").decode()
    if len(image_problems) > PROBLEMS_SHOWN:
        yield f"  and {len(image_problems) - PROBLEMS_SHOWN} more"
