"""Provenance of outputs: what they are made of, and checks before a run is planned."""

import hashlib
import json
import os
import sys
from pathlib import Path

from snakemake.settings.types import RerunTrigger

from sppnet.cli import PLANNED_CODE
from sppnet.code_hash import code_hash, package_hash
from sppnet.data.preparation import problem_counts
from sppnet.plan.guard import check_given, check_targets, out_of_date, refuse_unknown
from sppnet.plan.machine import memory_mb
from sppnet.plan.origins import jobs_behind
from sppnet.plan.records import (
    read_records,
    recorded,
    restore_records,
    save_records,
    withdraw_records,
)
from sppnet.plan.rules import Rules
from sppnet.plan.sources import Digests, image_sets

# Calls of Snakemake that neither build nor plan need no data; jobs have been planned already.
ASIDE = {"--unlock", "--lint", "--cleanup-metadata", "--list", "--list-rules", "-l"}
PLANS = workflow.is_main_process and not ASIDE & set(sys.argv)
# A person vouches for what is there.
VOUCHED = {"--touch", "-t"} & set(sys.argv)

ARTIFACTS = SETTINGS.paths.artifacts
SETS = image_sets(SETTINGS)
DIGESTS = Digests(Path("work/digests.json"))
RULES = Rules(workflow, lambda file: DIGESTS.of_file(Path(file)))


def contents(name):
    """Digest of an external image set, as a parameter of the rules that read it."""
    return lambda wildcards: (
        DIGESTS.of_set(SETS[name]) if PLANS and name in SETS else ""
    )


def require_planned_settings():
    """Refuse a cluster job whose configuration is not the planned one.

    A cluster job reads the configuration again, but its output is recorded with the planned
    settings. The commands themselves compare the code.
    """
    settings = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    if workflow.is_main_process:
        os.environ.update(
            {PLANNED_CODE: package_hash(), "SPPNET_PLANNED_SETTINGS": settings}
        )
    elif os.environ.get("SPPNET_PLANNED_SETTINGS", settings) != settings:
        refuse(
            "the configuration has changed since this run was planned; start it again"
        )


def guard(settings, state):
    """Refuse or rebuild outputs that Snakemake would wrongly consider up to date.

    Snakemake's settings are changed here because they must hold with every profile.
    """
    # Inputs are compared by content up to this size, not by time: every checkout changes times.
    settings.max_checksum_file_size = max(settings.max_checksum_file_size, 2 << 30)
    settings.force_incomplete = True
    settings.rerun_triggers = RerunTrigger.all()
    if workflow.execution_settings:
        workflow.execution_settings.keep_metadata = True
    if workflow.local_exec and "mem_mb" not in workflow.global_resources:
        workflow.global_resources["mem_mb"] = memory_mb()
    try:
        check_targets(RULES.wanted(), RULES.makes, PLAN.claims.results())
        jobs = jobs_behind(RULES.wanted(), RULES.job_of).values()
        check_given(jobs, SETTINGS, SETS, DIGESTS)
        if not workflow.dryrun:
            DIGESTS.remember()
        restore_records(ARTIFACTS, RULES.makes, state)
        records, unfinished = read_records(state), recorded("incomplete", state)
        if not VOUCHED and not settings.forceall:
            refuse_unknown(ARTIFACTS, {*records, *unfinished}, RULES.makes)
    except SppnetError as error:
        refuse(error)
    stale = out_of_date(jobs, ARTIFACTS, records, unfinished)
    settings.forcerun = frozenset(settings.forcerun) | stale


def withdraw():
    """Withdraw the saved records: until the run ends, they do not match the artifacts."""
    if workflow.is_main_process:
        withdraw_records(ARTIFACTS)


def keep_records():
    """Save the records with the artifacts, however the run ends; a cluster job ends no run."""
    if workflow.is_main_process:
        save_records(ARTIFACTS, RULES.makes)


def report_problems():
    """Say at the end of a run what was left out of the image sets; logs of jobs are seldom read."""
    if workflow.is_main_process:
        for setting, problems in PLAN.images.problems().items():
            if counts := problem_counts(Path(problems)):
                print(f"snakemake: {setting}: {counts}", file=sys.stderr)
