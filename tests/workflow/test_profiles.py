"""Profiles give a GPU to every stage that can use one."""

from pathlib import Path

import pytest
import yaml
from test_flags import options_of

from sppnet.cli import COMMANDS

PROFILES = Path(__file__).parents[2] / "workflow" / "profiles"


def stages_with_a_device() -> set[str]:
    return {verb.replace("-", "_") for verb in COMMANDS if "device" in options_of(verb)}


@pytest.mark.parametrize("profile", ["gpu", "slurm-gpu"])
def test_stages_that_can_use_a_gpu_get_one(profile):
    settings = yaml.safe_load((PROFILES / profile / "config.yaml").read_text())
    given = {rule for rule, resources in settings["set-resources"].items() if "gpu" in resources}
    assert given == stages_with_a_device()


SHARED = {"printshellcmds": True, "show-failed-logs": True}
CHECK = 'reported(check_configurations, "snakemake", sys.argv[1:])'
# Set by the Snakefile for all of them (tests/workflow/test_failures.py): a profile that is given
# replaces the default one.
EVERYWHERE = {"max-checksum-file-size", "rerun-incomplete", "rerun-triggers"}


@pytest.mark.parametrize(
    "path", sorted(PROFILES.glob("*/config.yaml")), ids=lambda p: p.parent.name
)
def test_profiles_agree_on_what_they_share(path: Path) -> None:
    settings = yaml.safe_load(path.read_text())
    assert {name: settings[name] for name in SHARED} == SHARED
    assert not EVERYWHERE & set(settings)
    assert settings["__use_yte__"] and settings["__definitions__"][-1] == CHECK
