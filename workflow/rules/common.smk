"""The checked configuration, its plan, and what all rules share."""

import shlex
import sys
from os.path import relpath
from pathlib import Path

ROOT = Path(workflow.basedir).parent
sys.path.insert(0, str(ROOT))

from sppnet.config.settings import check_settings
from sppnet.errors import SppnetError
from sppnet.plan.detection import STATES
from sppnet.plan import jobs
from sppnet.plan.jobs import launcher, one_of, per_job
from sppnet.plan.plan import plan_of

try:
    SETTINGS = check_settings(config)
except SppnetError as error:
    print(f"snakemake: {error}", file=sys.stderr)
    sys.exit(2)
PLAN = plan_of(SETTINGS)

# Jobs run the code of this checkout in the environment of this Snakemake, whatever other copies
# of the package come first on the machine. The C library keeps freed memory: otherwise every large
# tensor pays for fresh pages, a third of the time of training on a CPU (benchmarks/memory.md).
shell.prefix(
    f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"
    f" PYTHONPATH={shlex.quote(str(ROOT))}"
    f" MALLOC_MMAP_THRESHOLD_={1 << 33} MALLOC_TRIM_THRESHOLD_={1 << 33}; "
)

# The paper's numbers.
REFERENCE = relpath(ROOT / "sppnet/report/reference.csv")

# For rules that work in processes; on a cluster, which is not given a number of cores, what
# such a job asks for.
ALL_CORES = workflow.cores if workflow._cores else 8


def requested(function):
    """The file with the settings of a job that exceed a command line; see `jobs.requested`."""
    return jobs.requested(function, lambda: workflow.dryrun)


pathvars:
    artifacts=config["paths"]["artifacts"],
    results=config["paths"]["results"],
    logs=config["paths"]["logs"],


wildcard_constraints:
    detector=one_of(SETTINGS.detectors),
    split="trainval|test",
    state=one_of(STATES),
    size=r"\d+",
