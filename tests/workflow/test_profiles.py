"""Profiles give a GPU to every stage that can use one."""

import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
import yaml

import sppnet.commands

PROFILES = Path(__file__).parents[2] / "workflow" / "profiles"


def stages_with_a_device() -> set[str]:
    names = [module.name for module in iter_modules(sppnet.commands.__path__)]
    runs = {name: import_module(f"sppnet.commands.{name}").run for name in names}
    return {name for name, run in runs.items() if "device" in inspect.signature(run).parameters}


@pytest.mark.parametrize("profile", ["gpu", "slurm-gpu"])
def test_stages_that_can_use_a_gpu_get_one(profile):
    settings = yaml.safe_load((PROFILES / profile / "config.yaml").read_text())
    given = {rule for rule, resources in settings["set-resources"].items() if "gpu" in resources}
    assert given == stages_with_a_device()


SHARED = {"printshellcmds": True, "show-failed-logs": True}
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
