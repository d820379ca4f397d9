"""Adapters from functions of the plan to Snakemake: files, flags and requests of a job.

Functions of the plan take the values of wildcards and return files or settings. They do not depend
on Snakemake.
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
    """Wrap a function of the plan so that Snakemake can call it with the wildcards of a job.

    Args:
        function: function of the plan; its parameters have the names of wildcards.
        fixed: values of the parameters that are not wildcards.

    Returns:
        A function of wildcards that returns files unchanged and settings as flags.
    """

    def of_job(wildcards: Any) -> Any:
        value = _call(function, wildcards, fixed)
        groups = [value] if isinstance(value, Section) else value
        return flags(*groups) if any(isinstance(group, Section) for group in groups) else value

    return of_job


def requested(
    function: Callable[..., Section], dryrun: Callable[[], bool] = lambda: False
) -> Callable[[Any], str]:
    """Like `per_job`, but write the settings to a JSON file, as they exceed a command line.

    The file name contains a hash of the contents, so that jobs are rerun when they change.

    Args:
        function: as in `per_job`.
        dryrun: whether this is a dry run, which writes no file; known when jobs are planned.
    """

    def of_job(wildcards: Any) -> str:
        text = _call(function, wildcards, {}).model_dump_json(indent=1) + "\n"
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        path = REQUESTS / f"{function.__name__}-{digest}.json"
        if not dryrun() and not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_text(text)
        return str(path)

    return of_job


def launcher(wildcards: Any, resources: Any) -> str:
    """The launcher of a training: torchrun if the profile gives the rule several GPUs."""
    gpus = resources.get("gpu", 1)
    torchrun = f"torchrun --standalone --nproc-per-node {gpus} -m sppnet"
    return torchrun if gpus > 1 else "sppnet"


def one_of(names: Iterable[str]) -> str:
    """Wildcard constraint: one of the names; without names, a pattern that matches none."""
    return "|".join(names) or "-"


def _call(function: Callable[..., Any], wildcards: Any, fixed: Mapping[str, Any]) -> Any:
    names = [name for name in signature(function).parameters if name not in fixed]
    return function(**{name: getattr(wildcards, name) for name in names}, **fixed)
