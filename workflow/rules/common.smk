"""The checked configuration, where files go, and how settings become flags."""

import shlex
import sys
from os.path import relpath
from pathlib import Path

ROOT = Path(workflow.basedir).parent
sys.path.insert(0, str(ROOT))

from sppnet.config.settings import check_settings
from sppnet.errors import SppnetError
from sppnet.plan.jobs import launcher, per_job, requested
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

# For rules that work in processes; on a cluster, which is not given a number of cores, what
# such a job asks for.
ALL_CORES = workflow.cores if workflow._cores else 8


pathvars:
    artifacts=config["paths"]["artifacts"],
    results=config["paths"]["results"],
    logs=config["paths"]["logs"],


wildcard_constraints:
    detector="|".join(config["detectors"]),
    split="trainval|test",
    state="pretrained|finetuned",
    size=r"\d+",


def located(text):
    """A text with the folders of the configuration in it, as Snakemake puts them into paths.

    Parameters that are made of `input` are not among those whose change rebuilds an output, so
    files inside of parameters are located here.
    """
    for name in ("artifacts", "results", "logs"):
        text = text.replace(f"<{name}>", config["paths"][name])
    return text


def flags(settings):
    """Flags of a mapping: lists repeat, booleans are --x or --no-x, null is left out."""
    words = []
    for key, value in settings.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif value is not None:
            values = value if isinstance(value, list) else [value]
            words.extend(
                f"--{name} {shlex.quote(located(str(item)))}" for item in values
            )
    return " ".join(words)
