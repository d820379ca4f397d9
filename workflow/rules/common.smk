"""The checked configuration, its plan, and what all rules share."""

import shlex
import sys
from os.path import relpath
from pathlib import Path

# On a full disk, Python leaves damaged byte code, on which all later runs fail; `make setup` compiles.
sys.dont_write_bytecode = True
ROOT = Path(workflow.basedir).parent
sys.path.insert(0, str(ROOT))
# The profile may have imported another copy of the package.
for name in [name for name in sys.modules if name.partition(".")[0] == "sppnet"]:
    del sys.modules[name]

from snakemake.utils import available_cpu_count

from sppnet.config.settings import check_settings
from sppnet.config.text import check_text
from sppnet.errors import SppnetError
from sppnet.plan import jobs
from sppnet.plan.command_line import DEFAULT
from sppnet.plan.detection import STATES
from sppnet.plan.jobs import launcher, one_of, per_job
from sppnet.plan.plan import plan_of


def refuse(error):
    """End with one line that says what is wrong."""
    print(f"snakemake: {error}", file=sys.stderr)
    sys.exit(2)


try:
    for file in workflow.overwrite_configfiles or [DEFAULT]:
        check_text(Path(file))
except SppnetError as error:
    refuse(error)

# Snakemake would merge a configuration given on the command line into this one, and keep every
# key of this one that the other leaves out: so it is read only where none is given.
if not workflow.overwrite_configfiles:

    configfile: DEFAULT


try:
    SETTINGS = check_settings(config)
except SppnetError as error:
    refuse(error)
PLAN = plan_of(SETTINGS)

# More jobs than cores are slower and need more memory.
if workflow._cores and workflow._cores > available_cpu_count():
    workflow.global_resources["_cores"] = available_cpu_count()

# Jobs run the code of this checkout in the environment of this Snakemake, whatever other copies
# of the package come first on the machine. The C library keeps freed memory: otherwise every large
# tensor pays for fresh pages, a third of the time of training on a CPU (benchmarks/memory.md).
SAY_CAUSE = f"bash {shlex.quote(str(ROOT / 'workflow/scripts/say_cause.sh'))} $?"
shell.prefix(
    f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"
    f" PYTHONPATH={shlex.quote(str(ROOT))}"
    f" MALLOC_MMAP_THRESHOLD_={1 << 33} MALLOC_TRIM_THRESHOLD_={1 << 33} PYTHONDONTWRITEBYTECODE=1; "
    f"trap {shlex.quote(SAY_CAUSE)} EXIT; "
)

# The paper's numbers.
REFERENCE = relpath(ROOT / "sppnet/report/reference.csv")

# For rules that work in processes; on a cluster, which is not given a number of cores, what
# such a job asks for.
ALL_CORES = workflow.cores if workflow._cores else 8


def memory(photographs):
    """Megabytes that a job needs: 1500 at most on generated images of which no store is made."""
    small = SETTINGS.scenes and not SETTINGS.store
    return min(photographs, 1500) if small else photographs


def requested(function):
    """The file with the settings of a job that exceed a command line; see `jobs.requested`."""
    return jobs.requested(function, lambda: workflow.dryrun)


pathvars:
    artifacts=SETTINGS.paths.artifacts,
    results=SETTINGS.paths.results,
    logs=SETTINGS.paths.logs,


wildcard_constraints:
    detector=one_of(SETTINGS.detectors),
    split="trainval|test",
    state=one_of(STATES),
    size=r"\d+",
