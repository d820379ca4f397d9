"""config/rehearsal.yaml is config/paper.yaml on drawn images: shorter, narrower, and else the same.

What may differ is listed here by hand, by setting and by option.
"""

import re
from pathlib import Path

import pytest
import yaml
from test_wiring import jobs_of

ROOT = Path(__file__).resolve().parents[2]
RUN = "artifacts/rehearsal"
NETWORKS = ("zf5", "alex5")
TUNING = ("iterations", "milestones", "images_per_chunk")
CLASSIFIERS = ("zf5", "convnet5", "overfeat5", "overfeat7")
PLACES = [
    *(f"paths.{name}" for name in ("artifacts", "results", "logs")),
    *("data.voc", "data.imagenet", "transfer.table7.root"),
]
SMALLER = [
    "store.shard_images",
    *(f"networks.{name}.architecture.{key}" for name in NETWORKS for key in ("width", "fc")),
    *(f"networks.{name}.training.{key}" for name in NETWORKS for key in ("epochs", "plateau")),
    *(f"finetune.{name}.{key}" for name in ("spp", "rcnn") for key in TUNING),
    *("timing.images", "timing.repeats", "timing.views.images", "timing.views.repeats"),
    *("timing.training.batches", "timing.training.turns"),
    *("classifiers.seeds", "classifiers.head.fc", "classifiers.training.plateau"),
    *(f"classifiers.backbones.{name}.{key}" for name in CLASSIFIERS for key in ("width", "epochs")),
]
WITHOUT_A_GPU = [
    *(f"networks.{name}.training.precision" for name in NETWORKS),
    "classifiers.training.precision",
]
OPTIONS = [
    *("root", "voc", "shard-images", "width", "fc", "epochs", "plateau", "precision"),
    *("iterations", "milestones", "images-per-chunk", "images", "repeats", "batches", "turns"),
]


def flat(values, prefix=""):
    """Settings by dotted key."""
    settings = {}
    for key, value in values.items():
        named = {f"{prefix}{key}": value}
        settings |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else named
    return settings


def load(name):
    """Settings of a configuration."""
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())


@pytest.fixture(scope="module")
def settings():
    """Settings of the paper and of its rehearsal."""
    return [flat(load(name)) for name in ("paper", "rehearsal")]


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """Jobs of the paper by what they write."""
    return jobs_of("config/paper.yaml", tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """Jobs of the rehearsal by what they write."""
    return jobs_of("config/rehearsal.yaml", tmp_path_factory.mktemp("rehearsal"))


def as_rehearsed(text):
    """A word of a job of the paper with the rehearsal's places; requests without their hash."""
    moved = re.sub(r"^(artifacts|results)/paper\b", r"\1/rehearsal", text)
    return re.sub(r"^(work/requests/\w+)-\w+\.json$", r"\1", moved)


def test_all_but_the_named_settings_are_the_papers(settings):
    paper, rehearsal = settings
    drawn = {key for key in rehearsal if key.startswith("scenes.")}
    differing = {key for key in {*paper, *rehearsal} if paper.get(key) != rehearsal.get(key)}
    assert differing - drawn == {*PLACES, *SMALLER, *WITHOUT_A_GPU}
    assert all(rehearsal[key] < paper[key] for key in SMALLER)
    assert {rehearsal[key] for key in WITHOUT_A_GPU} == {"full"}


def test_every_job_but_those_of_more_seeds_is_rehearsed(paper, rehearsal):
    drawn = {file for file, job in rehearsal.items() if job.verb == "generate"}
    files = {as_rehearsed(file) for file in paper}
    assert rehearsal.keys() - files == drawn
    assert {file for file in files - rehearsal.keys() if "-3" not in file} == set()


def test_jobs_get_the_papers_options_but_for_the_named_ones(paper, rehearsal):
    differing = set()
    for file, job in paper.items():
        if other := rehearsal.get(as_rehearsed(file)):
            assert job.verb == other.verb and job.options.keys() == other.options.keys()
            for name, words in job.options.items():
                kept = [as_rehearsed(word) for word in words if "-3/" not in word]
                if kept != [as_rehearsed(word) for word in other.options[name]]:
                    differing.add(name)
    assert differing == set(OPTIONS)


@pytest.mark.parametrize(
    ("name", "layout"),
    [("voc", "VOCdevkit"), ("imagenet", "ILSVRC2012"), ("caltech101", "caltech101")],
)
def test_sets_are_drawn_before_they_are_read(rehearsal, name, layout):
    folder = f"{RUN}/scenes/{layout}"
    assert rehearsal[f"{RUN}/{name}.parquet"].inputs == {folder, f"{folder}.json"}
    assert rehearsal[folder].options["layout"] == [layout]
