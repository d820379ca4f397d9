"""The origin of a file: one digest of all the settings, code and data that it is made from.

Snakemake compares the parameters that a file was made with. One of them is the digest of a job's
inputs, so a change anywhere upstream changes the parameters of every file downstream. It is noticed
even where the files in between are missing, as after a failed job, and a table is never taken for
one of other settings or data.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """One execution of a rule.

    Attributes:
        name: the rule and its wildcards, unique.
        recipe: everything besides its inputs that determines its outputs: command, settings, code.
        inputs: files that it reads.
        outputs: files that it writes.
    """

    name: str
    recipe: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Origins:
    """Digests of the origin of files.

    Args:
        job_of: the job that makes a file; None for a file that is given.
        content: digest of a given file.
    """

    def __init__(self, job_of: Callable[[str], Job | None], content: Callable[[str], str]) -> None:
        self._job_of, self._content = job_of, content
        self._digests: dict[str, str] = {}

    def of_inputs(self, inputs: Iterable[str]) -> str:
        """Digest of the origins of a job's inputs."""
        return _digest(f"{file} {self._of(file)}" for file in sorted(inputs))

    def _of(self, file: str) -> str:
        job = self._job_of(file)
        name = job.name if job else file
        if name not in self._digests:
            self._digests[name] = (
                _digest([job.name, job.recipe, self.of_inputs(job.inputs)])
                if job
                else self._content(file)
            )
        return self._digests[name]


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def jobs_behind(targets: Iterable[str], job_of: Callable[[str], Job | None]) -> dict[str, Job]:
    """Every job that the target files depend on, by its name, in topological order."""
    jobs: dict[str, Job] = {}

    def visit(file: str) -> None:
        job = job_of(file)
        if job and job.name not in jobs:
            for source in job.inputs:
                visit(source)
            jobs[job.name] = job

    for target in targets:
        visit(target)
    return jobs
