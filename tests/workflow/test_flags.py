"""Rules and commands in step: each command line that a rule makes is what its command takes."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny import imported_only, install_package

from sppnet.cli import COMMANDS, build

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = [
    "config/mini.yaml",
    "config/voc07.yaml",
    "config/paper.yaml",
    "tests/workflow/tiny.yaml",
]
# What concerns the machine and not the result may be left to the command.
MACHINE = {verb: {"device", "threads", "workers"} for verb in COMMANDS}
MACHINE["cache-region-features"] |= {"batch"}
MACHINE["store-images"] |= {"verify"}
NO_RULE = {"show", "download", "verify", "write-expected"}
CORES = 2


def options_of(verb):
    """Options of a command by name."""
    arguments = build(described=False)[verb].assemble_argument_collection()
    return {each.names[0].removeprefix("--"): each for each in arguments if each.show}


def try_dry_run(config, folder, *options):
    folder.mkdir(parents=True, exist_ok=True)
    settings = yaml.safe_load((ROOT / config).read_text())
    write_data(settings, folder)
    words = ["--snakefile", ROOT / "workflow/Snakefile", "--configfile", ROOT / config]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "snakemake",
            "--cores",
            str(CORES),
            "--dry-run",
            *map(str, words),
            *options,
        ],
        cwd=folder,
        check=False,
        text=True,
        capture_output=True,
    )


def dry_run(config, folder, *options):
    """What Snakemake prints of a whole run from nothing, without running it."""
    done = try_dry_run(config, folder, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def command_lines(config, folder, *options):
    """The command lines of a whole run from nothing, as words; without `sppnet` at the start."""
    printed = dry_run(config, folder, *options)
    lines = re.findall(r"^Shell command: (?:sppnet )?(.*) > .* 2>&1$", printed, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def write_data(settings, folder):
    """The files that a configuration names, with nothing in them but an image id in each list."""
    for network in settings["networks"].values():
        if network.get("imported_backbone"):
            write_weights(network["imported_backbone"]["source"], folder)
    if "scenes" in settings:
        return
    data, transfer = settings["data"], settings.get("transfer")
    for name in (data["trainval"], data["test"]):
        write(folder / data["voc"] / f"ImageSets/Main/{name}.txt", f"{name}_1\n")
        write(folder / data["voc"] / f"Annotations/{name}_1.xml")
        write(folder / data["voc"] / f"JPEGImages/{name}_1.jpg")
    for split in ("train", "val"):
        if data["image_folder"]:
            for name in "ab":
                write(folder / data["image_folder"] / split / f"{name}/1.jpg")
        if data["imagenet"]:
            write(folder / data["imagenet"] / f"ILSVRC2012_img_{split}.tar")
    if data["imagenet"]:
        write(folder / data["imagenet"] / "ILSVRC2012_devkit_t12.tar.gz")
    if transfer:
        for name in "ab":
            write(folder / transfer["table7"]["root"] / f"101_ObjectCategories/{name}/1.jpg")


def write_weights(source, folder):
    """A file of weights, or the package that holds one."""
    kind, _, requirement = source.partition(":")
    if kind == "package":
        install_package(folder, requirement, "a.pth")
    else:
        write(folder / source)


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def without_training(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "imported.yaml"
    path.write_text(yaml.safe_dump(imported_only()))
    return path


@pytest.fixture(scope="module", params=[*CONFIGS, "without_training"])
def lines(request, tmp_path_factory, without_training):
    config = without_training if request.param == "without_training" else request.param
    return command_lines(config, tmp_path_factory.mktemp("run"))


def test_commands_take_what_rules_pass(lines):
    assert len(lines) > 20
    app = build(described=False)
    for words in lines:
        # unknown, missing and ill-typed options raise
        app.parse_args(words, exit_on_error=False, print_error=False)
        assert "--device" not in words


def test_every_flag_is_passed_by_some_rule(tmp_path, without_training):
    """A number that no rule passes would come from the code."""
    passed = {verb: set(flags) for verb, flags in MACHINE.items()}
    for number, config in enumerate([*CONFIGS, without_training]):
        for verb, *words in command_lines(config, tmp_path / str(number)):
            passed[verb] |= {word.removeprefix("--") for word in words if word.startswith("--")}
    for verb in COMMANDS.keys() - NO_RULE:
        for name in options_of(verb):
            assert {name, f"no-{name}"} & passed[verb], f"sppnet {verb} --{name}"


@pytest.mark.parametrize(
    ("table", "section"), [("table1", "table1"), ("table2", "errors"), ("table6", "transfer")]
)
def test_a_table_without_its_section_is_refused_in_one_line(tmp_path, table, section):
    settings = yaml.safe_load((ROOT / "config/mini.yaml").read_text())
    left_out = {"errors": ("errors", "classifiers", "view_sets", "responses", "transfer")}
    for name in left_out.get(section, (section,)):
        del settings[name]
    if section == "errors":
        del settings["timing"]["views"], settings["timing"]["training"]
    config = tmp_path / "less.yaml"
    config.write_text(yaml.safe_dump(settings))
    done = try_dry_run(config, tmp_path / "run", "--", f"results/{table}.csv")
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("snakemake: "))
    assert f"snakemake: {section}: missing; add it as in config/mini.yaml" == line
    assert done.returncode == 2 and "Traceback" not in done.stdout + done.stderr


def test_one_configuration_inherits_nothing_from_the_default(tmp_path):
    assert "generate" not in {line[0] for line in command_lines("config/voc07.yaml", tmp_path)}


@pytest.mark.parametrize("profile", sorted((ROOT / "workflow/profiles").glob("*/config.yaml")))
def test_profiles_set_resources_of_rules_that_exist(profile):
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    rules = set(re.findall(r"^\s*rule (\w+):", text, re.MULTILINE))
    assert set(yaml.safe_load(profile.read_text()).get("set-resources", {})) <= rules


def test_several_gpus_train_by_torchrun(tmp_path):
    lines = command_lines("config/mini.yaml", tmp_path, "--set-resources", "pretrain:gpu=2")
    words = next(line for line in lines if "pretrain" in line)
    assert words[:5] == ["torchrun", "--standalone", "--nproc-per-node", "2", "-m"]
