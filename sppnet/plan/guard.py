"""Checks before anything is planned."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sppnet.config.settings import Settings
from sppnet.data.packages import packaged_file
from sppnet.errors import SppnetError
from sppnet.models.settings import PACKAGE_PREFIX
from sppnet.plan.files import Files
from sppnet.plan.origins import Job
from sppnet.plan.records import Record, missing_since, replaced_results
from sppnet.plan.sources import WHERE, Digests, ImageSet


def check_targets(
    targets: Iterable[str], makes: Callable[[str], bool], results: Sequence[str]
) -> None:
    """Refuse a target that the configuration does not make.

    Args:
        targets: files that this call of Snakemake is to make.
        makes: whether a rule makes a file.
        results: tables and figures of the configuration, which the message names.

    Raises:
        SppnetError: no rule makes a target.
    """
    for target in targets:
        if not makes(target):
            tables = ", ".join(path for path in results if path.endswith(".csv"))
            raise SppnetError(
                f"{target}: not made by this configuration, whose tables are {tables}; "
                "--configfile FILE -- TARGET takes another configuration"
            )


def check_given(
    jobs: Iterable[Job], settings: Settings, sets: Mapping[str, ImageSet], digests: Digests
) -> None:
    """Refuse to plan without the data that the jobs need.

    Args:
        jobs: all that the requested files depend on, in topological order.
        settings: these name the files that are given.
        sets: image sets from outside, by the rule that reads them.
        digests: computes the digests of the sets, which are needed later anyway.

    Raises:
        SppnetError: a set, a file or a package is missing; the message names the setting.
    """
    made: set[str] = set()
    for job in jobs:
        _check_packages(job, settings)
        rule = job.name.split()[0]
        if rule in sets:
            digests.of_set(sets[rule])
        for file in job.inputs:
            if file not in made and not Path(file).exists():
                setting = _backbone_settings(settings).get(file, rule)
                raise SppnetError(f"{setting}: {file}: no such file; correct the setting; {WHERE}")
        made |= set(job.outputs)


def _check_packages(job: Job, settings: Settings) -> None:
    """Refuse to import weights from a package that is not installed."""
    files = Files(settings.paths)
    for name, network in settings.networks.items():
        source = network.imported_backbone.source if network.imported_backbone else ""
        if source.startswith(PACKAGE_PREFIX) and files.backbone(name) in job.outputs:
            try:
                packaged_file(source.removeprefix(PACKAGE_PREFIX), ".pth")
            except SppnetError as error:
                setting = f"networks.{name}.imported_backbone.source"
                raise SppnetError(f"{setting}: {error}") from None


def _backbone_settings(settings: Settings) -> dict[str, str]:
    """The setting that names each given file of weights."""
    return {
        network.imported_backbone.source: f"networks.{name}.imported_backbone.source"
        for name, network in settings.networks.items()
        if network.imported_backbone
    }


def refuse_unknown(artifacts: str, known: Iterable[str], mine: Callable[[str], bool]) -> None:
    """Refuse artifacts without a record of Snakemake: they would never be built again.

    Args:
        artifacts: folder of the configuration.
        known: outputs with a record.
        mine: whether a file is an output of the configuration; others are ignored.

    Raises:
        SppnetError: there are such artifacts; the message says what can be done.
    """
    unknown = sorted(path for path in _unrecorded(artifacts, set(known)) if mine(path))
    if unknown:
        raise SppnetError(
            f"{unknown[0]}: one of {len(unknown)} artifacts of unknown origin; restore their "
            f"records with `dvc pull`, or delete them to build them from scratch, or, if you know "
            "that they belong to this commit, run `snakemake --cores 1 --touch --forceall`"
        )


def _unrecorded(folder: str, known: set[str]) -> Iterator[str]:
    """Files under a folder that have no record and lie in no folder with one."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if str(Path(parent, name)) not in known]
        paths = (str(Path(parent, file)) for file in files if not file.startswith("."))
        yield from (path for path in paths if path not in known)


def out_of_date(
    jobs: Iterable[Job], artifacts: str, records: Mapping[str, Record], unfinished: Iterable[str]
) -> set[str]:
    """Files to build again although Snakemake would take them for up to date.

    - Results that no job of this checkout has written: they came by git.
    - Artifacts that are missing since an attempt to build them again failed.

    Args:
        jobs: all that the requested files depend on.
        artifacts: folder of the configuration.
        records: of finished outputs.
        unfinished: outputs whose job has started and not ended.
    """
    jobs = list(jobs)
    outputs = [output for job in jobs for output in job.outputs]
    recorded = {output: records[output] for output in outputs if output in records}
    results = (output for output in outputs if not Path(output).is_relative_to(artifacts))
    unrecorded = {path for path in results if path not in records and Path(path).exists()}
    return {
        *unrecorded,
        *replaced_results(artifacts, recorded),
        *missing_since(jobs, records, unfinished),
    }
