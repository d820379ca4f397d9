"""Snakemake's rules: which job makes a file, and which files are requested.

Only this module uses Snakemake's objects, in the versions that pyproject.toml allows.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sppnet.plan.origins import Job, Origins
from sppnet.plan.records import STATE, copy_state


class Rules:
    """All rules of a workflow.

    Args:
        workflow: Snakemake's; rules may be added to it later.
        content: digest of a given file.
    """

    def __init__(self, workflow: Any, content: Callable[[str], str]) -> None:
        self._workflow = workflow
        self._jobs: dict[str, Job | None] = {}
        self._origins = Origins(self.job_of, content)

    def job_of(self, file: str) -> Job | None:
        """The job that makes a file, regardless of the targets; None for a file that is given."""
        if file not in self._jobs:
            producer = self._producer(file)
            self._jobs[file] = _job(*producer) if producer else None
        return self._jobs[file]

    def makes(self, file: str) -> bool:
        """Whether a rule makes a file."""
        return self._producer(file) is not None

    def _producer(self, file: str) -> tuple[Any, dict[str, str]] | None:
        """The rule that makes a file, and the values of its wildcards."""
        for rule in self._workflow.rules:
            for output in rule.output:
                match = output.match(file)
                if match:
                    return rule, match.groupdict()
        return None

    def wanted(self) -> Iterator[str]:
        """The target files of this call of Snakemake."""
        workflow = self._workflow
        for target in workflow.dag_settings.targets or [workflow.default_target]:
            if workflow.is_rule(target):
                rule = workflow.get_rule(target)
                yield from map(str, rule.output or rule.expand_input({})[0])
            else:
                yield target if Path(target).is_absolute() else os.path.relpath(target)

    def before_planning(self, guard: Callable[[Any, Path], None]) -> None:
        """Call a guard with Snakemake's settings of the plan and its folder before planning.

        A dry run changes nothing: its folder is a copy, where Snakemake makes its own folders and
        files of locks and times as before each plan.

        Snakemake has no hook at this point: the targets of its command line are not yet known when
        it reads the Snakefile, and `onstart` comes after the plan.
        """
        prepare = self._workflow._prepare_dag

        def guarded(*args: Any, **options: Any) -> None:
            guard(self._workflow.dag_settings, self._state())
            prepare(*args, **options)

        self._workflow._prepare_dag = guarded

    def _state(self) -> Path:
        """Snakemake's folder; in a dry run a copy, which Snakemake removes when it ends."""
        if not self._workflow.dryrun:
            return STATE
        from snakemake import workflow
        from snakemake.jobs import Job as SnakemakeJob
        from snakemake.persistence.file import FilePersistence

        copy: Path = self._workflow.snakemake_tmp_dir / "state"
        copy_state(copy)
        workflow.FilePersistence = lambda **options: FilePersistence(**options | {"path": copy})
        SnakemakeJob.check_protected_output = _nothing_to_check
        return copy

    def record_origins(self) -> None:
        """Give each rule a parameter with the digest of its inputs' origins."""
        for rule in self._workflow.rules:
            if not rule.norun:
                rule.set_params(made_from=_MadeFrom(rule, self._origins))


@dataclass(frozen=True)
class _MadeFrom:
    """The parameter of `record_origins`; not part of a job's own recipe."""

    rule: Any
    origins: Origins

    def __call__(self, wildcards: Any) -> str:
        return self.origins.of_inputs(_inputs(self.rule, dict(wildcards.items())))


async def _nothing_to_check(job: Any) -> None:
    """Accept outputs that cannot be written: a dry run does not write them."""


def _inputs(rule: Any, wildcards: dict[str, str]) -> tuple[str, ...]:
    return tuple(map(str, rule.expand_input(wildcards)[0]))


def _job(rule: Any, wildcards: dict[str, str]) -> Job:
    """A rule's job for some wildcards."""
    return Job(
        name=f"{rule.name} {sorted(wildcards.items())}",
        recipe="\n".join([str(rule.shellcmd), *_recipe_parameters(rule, wildcards)]),
        inputs=_inputs(rule, wildcards),
        outputs=tuple(str(output.apply_wildcards(wildcards)) for output in rule.output),
    )


def _recipe_parameters(rule: Any, wildcards: dict[str, str]) -> Iterator[str]:
    """Values of the parameters that depend on wildcards only, as Snakemake compares them."""
    for item in rule.params:
        if not callable(item):
            yield str(item)
        elif not isinstance(item, _MadeFrom) and set(signature(item).parameters) == {"wildcards"}:
            yield str(item(SimpleNamespace(**wildcards)))
