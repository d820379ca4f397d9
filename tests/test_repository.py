"""What git keeps: text, and a few small pictures for README and docs."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

import sppnet

ROOT = Path(__file__).resolve().parents[1]
PICTURES = "docs/pictures"
IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".svg", ".pdf", ".ico"}
PICTURES_LIMIT = 400_000  # bytes, all together
FILE_LIMIT = 1_000_000  # bytes


@pytest.fixture(scope="module")
def tracked():
    """Files of the working tree that git tracks."""
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return [path for path in paths if path.exists()]


def test_images_are_the_few_small_pictures_of_the_docs(tracked):
    images = [path for path in tracked if path.suffix.lower() in IMAGES]
    assert images
    assert {str(path.parent.relative_to(ROOT)) for path in images} == {PICTURES}
    assert sum(path.stat().st_size for path in images) <= PICTURES_LIMIT


def test_no_file_is_large(tracked):
    assert not [path for path in tracked if path.stat().st_size > FILE_LIMIT]


def test_pages_show_pictures_that_git_keeps(tracked):
    pages = [path for path in tracked if path.suffix == ".md"]
    shown = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text())
    }
    assert shown and shown <= set(tracked)


def test_figures_of_every_configuration_are_ignored():
    for config in sorted((ROOT / "config").glob("*.yaml")):
        figures = Path(yaml.safe_load(config.read_text())["paths"]["results"], "figures/a.png")
        command = ["git", "check-ignore", "--quiet", "--no-index", str(figures)]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, figures


def test_the_citation_names_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == sppnet.__version__


def test_every_configuration_is_described():
    text = (ROOT / "config/README.md").read_text()
    for config in (ROOT / "config").glob("*.yaml"):
        assert f"]({config.name})" in text, config.name
