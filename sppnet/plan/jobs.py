"""From functions of the plan to what Snakemake asks of a job: files, flags, requests.

Functions of the plan take names as they stand in the wildcards of a rule and return files or
settings. They know nothing of Snakemake.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from sppnet.config.section import Section, flags
from sppnet.data.store import atomic_path

JobFiles = str | Sequence[str]
JobSettings = Section | Sequence[Section]
REQUESTS = Path("work/requests")


def per_job(function: Callable[..., JobFiles | JobSettings], **fixed: Any) -> Callable[[Any], Any]:
    """A function of the plan as Snakemake calls it: for each job, with its wildcards.

    Args:
        function: its parameters are named as the wildcards of the rule.
        fixed: values of those parameters that are no wildcards.

    Returns:
        Gives files as the function does, and settings as flags.
    """

    def of_job(wildcards: Any) -> Any:
        value = _call(function, wildcards, fixed)
        groups = [value] if isinstance(value, Section) else value
        return flags(*groups) if any(isinstance(group, Section) for group in groups) else value

    return of_job


def requested(function: Callable[..., Section], **fixed: Any) -> Callable[[Any], str]:
    """As `per_job`, for what is too long for a command line: a JSON file that the command reads.

    The file is named by its contents, so that a job is run again when they change.
    """

    def of_job(wildcards: Any) -> str:
        text = _call(function, wildcards, fixed).model_dump_json(indent=1) + "\n"
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        path = REQUESTS / f"{function.__name__}-{digest}.json"
        if not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_text(text)
        return str(path)

    return of_job


def launcher(wildcards: Any, resources: Any) -> str:
    """What starts a training: torchrun where a profile gives the rule several GPUs."""
    gpus = resources.get("gpu", 1)
    several = f"torchrun --standalone --nproc-per-node {gpus} -m sppnet"
    return several if gpus > 1 else "sppnet"


def one_of(names: Iterable[str]) -> str:
    """Wildcard constraint: one of some names; what is no name where there are none."""
    return "|".join(names) or "-"


def _call(function: Callable[..., Any], wildcards: Any, fixed: Mapping[str, Any]) -> Any:
    names = [name for name in signature(function).parameters if name not in fixed]
    return function(**{name: getattr(wildcards, name) for name in names}, **fixed)
