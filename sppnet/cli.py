"""The `sppnet` command: one verb per stage, in the order of the pipeline, imported when it runs."""

import ast
import errno
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from cyclopts import App, CycloptsError, Group, MissingArgumentError, Parameter
from pydantic import ValidationError

import sppnet
from sppnet.config.findings import reason
from sppnet.errors import SppnetError

FULL = (errno.ENOSPC, errno.EDQUOT)
PLANNED_CODE = "SPPNET_PLANNED_CODE"  # in the environment of jobs: code of the package in the plan
STAGES = {
    "Images": (
        "download",
        "generate",
        "prepare-voc",
        "prepare-image-folder",
        "prepare-imagenet",
        "prepare-caltech101",
        "store-images",
    ),
    "Networks": ("import-weights", "assemble-network", "pretrain"),
    "Classification (Tables 1 to 5)": (
        "classify",
        "combine-scores",
        "measure-view-speed",
        "measure-training-speed",
        "tabulate-architectures",
        "tabulate-errors",
        "draw-curves",
        "draw-view-positions",
        "draw-error-by-views",
        "draw-responses",
    ),
    "Transfer (Tables 6 to 8)": ("cache-image-features", "transfer", "tabulate-transfer"),
    "Detection (Table 9)": (
        "propose",
        "cache-maps",
        "finetune",
        "finetune-rcnn",
        "cache-region-features",
        "train-svm",
        "train-bbox",
        "detect",
        "evaluate",
        "measure-speed",
        "tabulate-detection",
        "draw-detections",
    ),
    "Results": ("tabulate-claims", "draw-claims", "show", "verify", "write-expected"),
}
COMMANDS = {
    verb: f"sppnet.commands.{verb.replace('-', '_')}" for stage in STAGES.values() for verb in stage
}


def build(*, described: bool) -> App:
    """The command line; a verb's module is imported when the verb is called.

    Args:
        described: with the verbs' summaries, which the list of verbs shows.
    """
    app = App(
        name="sppnet",
        help="Rebuild the tables of the SPP-net paper, one stage at a time.",
        version=f"sppnet {sppnet.__version__}",
        # a list is one option with several values; only lists that have defaults may be empty
        default_parameter=Parameter(consume_multiple=True, negative_iterable=()),
        result_action="return_value",
        help_format="plaintext",
    )
    for order, (stage, verbs) in enumerate(STAGES.items()):
        group = Group(stage, sort_key=order)
        for position, verb in enumerate(verbs):
            text = summary(verb) if described else ""
            function = f"{COMMANDS[verb]}:run"
            app.command(function, name=verb, group=group, sort_key=position, help=text)
    return app


def summary(verb: str) -> str:
    """First line of a verb's help, read without importing its module."""
    spec = find_spec(COMMANDS[verb])
    assert spec and spec.origin
    for statement in ast.parse(Path(spec.origin).read_text()).body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "run":
            return (ast.get_docstring(statement) or "").partition("\n")[0]
    raise LookupError(f"{spec.origin}: no function run")


def run(words: Sequence[str]) -> None:
    """Run a command line.

    Raises:
        SppnetError: an option is unknown, missing or out of range, or the command refuses to work.
    """
    verb = words[0] if words and words[0] not in ("--help", "-h", "--version") else None
    if verb is not None and verb not in COMMANDS:
        close = get_close_matches(verb, COMMANDS, n=3)
        cure = f"did you mean {' or '.join(close)}?" if close else "see sppnet --help"
        raise SppnetError(f"no command {verb!r}; {cure}")
    app = build(described=verb is None)
    try:
        app(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise SppnetError(f"{_explain(error)}; see sppnet {verb} --help") from None


def _explain(error: CycloptsError) -> str:
    """One line about a wrong command line."""
    if isinstance(error, MissingArgumentError) and error.argument:
        return f"{error.argument.name}: missing"
    if isinstance(error.__cause__, ValidationError):
        first = error.__cause__.errors(include_url=False)[0]
        option = f"--{str(first['loc'][0]).replace('_', '-')}: " if first["loc"] else ""
        return f"{option}{reason(first)}"
    return " ".join(str(error).split()).removesuffix(".")


def require_planned_code() -> None:
    """Refuse to work for a run of Snakemake that was planned with other code.

    Raises:
        SppnetError: the package has changed since.
    """
    planned = os.environ.get(PLANNED_CODE)
    if planned is None:
        return
    from sppnet.code_hash import package_hash

    if package_hash() != planned:
        raise SppnetError(
            "the code of sppnet has changed since this run was planned; start snakemake again, "
            "finished work is kept"
        )


def reported(function: Callable[[Sequence[str]], None], name: str, words: Sequence[str]) -> None:
    """Call a function; a known error is one line on standard error and exit status 2.

    Args:
        function: gets the words of a command line.
        name: the program that the line is said to come from.
        words: of the command line.
    """
    try:
        function(words)
    except SppnetError as error:
        cause = str(error)
    except OSError as error:
        if error.errno not in FULL:
            raise
        cause = f"{error.filename or 'output'}: {error.strerror}; free some space and start again"
    except BrokenProcessPool:
        cause = (
            "a worker process was killed, probably because memory ran out; take fewer cores, "
            "finished work is kept"
        )
    else:
        return
    print(f"{name}: {cause}", file=sys.stderr)
    sys.exit(2)


def main() -> None:
    """Run the command line if its code is the planned one."""

    def planned(words: Sequence[str]) -> None:
        require_planned_code()
        run(words)

    reported(planned, "sppnet", sys.argv[1:])
