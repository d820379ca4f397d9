"""The end of every preparation: the list of problems, the manifest, and a summary for people."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sppnet.data.manifest import ImageRecord, Problem, write_manifest, write_problems
from sppnet.data.split_checks import require_usable
from sppnet.errors import SppnetError

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
        SppnetError: a split has nothing to train or to test on; see `problems_listed`.
    """
    with problems_listed(image_problems, problems):
        for split in splits:
            chosen = [record for record in records if record.split == split]
            name = " ".join(dict.fromkeys([*(record.dataset for record in records[:1]), split]))
            require_usable(chosen, name, tested=split not in ("train", "trainval"))
    write_problems(problems, image_problems)
    write_manifest(manifest, records)
    print("\n".join([*_counts(records, splits), *_first(image_problems, problems)]))


@contextmanager
def problems_listed(image_problems: Sequence[Problem], path: Path) -> Iterator[None]:
    """List the problems of a set that is refused, where they outlive the job.

    Snakemake deletes the outputs of a failed job, so the list is a file that no rule makes; it goes
    when the set is accepted.

    Args:
        image_problems: what was wrong with each file.
        path: the list of an accepted set, beside which that of a refused one lies.

    Raises:
        SppnetError: the set is refused; the message gains the commonest problem and the list.
    """
    refused = path.with_suffix(".refused.csv")
    try:
        yield
    except SppnetError as error:
        write_problems(refused, image_problems)
        listed = f"; {_commonest(image_problems)}all are in {refused}" if image_problems else ""
        raise SppnetError(f"{error}{listed}") from None
    refused.unlink(missing_ok=True)


def _commonest(image_problems: Sequence[Problem]) -> str:
    """The problem by which most was left out, with the first file that has it."""
    left_out = [problem for problem in image_problems if not problem.action.startswith("kept")]
    if not left_out:
        return ""
    first = {problem.problem: problem.path for problem in reversed(left_out)}
    ((text, count),) = Counter(problem.problem for problem in left_out).most_common(1)
    line = f"{count} of {len(left_out)} problems: {first[text]}: {text}; mend such files; "
    # A name on disk need not be UTF-8.
    return line.encode(errors="backslashreplace").decode()


def problem_counts(path: Path) -> str:
    """One line about a list of problems: how often what was done; empty if there is none."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        actions = Counter(row["action"] for row in csv.DictReader(file))
    counts = ", ".join(f"{count} x {action}" for action, count in actions.most_common())
    return f"{counts}; listed in {path}" if counts else ""


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
