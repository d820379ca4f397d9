"""Members of tar archives, read without unpacking."""

import io
import tarfile

import pytest

from sppnet.data.archives import list_members, member_place, read_file
from sppnet.errors import SppnetError


def write_tar(target, files):
    """A tar of named bytes, to a path or to memory."""
    with tarfile.open(**{"name" if not isinstance(target, io.BytesIO) else "fileobj": target},
                      mode="w") as tar:  # fmt: skip
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return target


def tar_bytes(files):
    return write_tar(io.BytesIO(), files).getvalue()


FILES = {"a.jpg": b"first", "folder/b.jpg": bytes(range(256)) * 9, "._a.jpg": b"hidden", "e": b""}


def test_members_are_read_in_place(tmp_path):
    archive = write_tar(tmp_path / "x.tar", FILES)
    assert list_members(archive) == ["a.jpg", "folder/b.jpg", "e"]
    for name in list_members(archive):
        assert read_file(member_place(archive, name)) == FILES[name]


def test_members_of_archives_in_archives(tmp_path):
    inner = {"n1.tar": tar_bytes({"a": b"one"}), "n2.tar": tar_bytes({"a": b"two", "b": b"three"})}
    archive = write_tar(tmp_path / "x.tar", inner)
    second = member_place(archive, "n2.tar")
    assert list_members(archive) == ["n1.tar", "n2.tar"]
    assert list_members(second) == ["a", "b"]
    assert second == f"{archive}::n2.tar"
    assert [read_file(member_place(second, name)) for name in "ab"] == [b"two", b"three"]


def test_a_plain_file_is_read_as_it_is(tmp_path):
    (tmp_path / "odd::name").write_bytes(b"plain")
    assert read_file(tmp_path / "odd::name") == b"plain"
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "absent")
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "absent.tar::a")


@pytest.mark.parametrize("kept", [100, 700, 1100, 2500, 3071, 3583])
def test_an_archive_cut_anywhere_is_one_line(tmp_path, kept):
    """1024 bytes of the first member, 512 + 2560 of the second, then the end."""
    whole = tar_bytes({"a": b"1", "b": bytes(2500)})
    (tmp_path / "x.tar").write_bytes(whole[:kept])
    with pytest.raises(SppnetError, match=r"x\.tar: cut short") as error:
        list_members(tmp_path / "x.tar")
    assert "\n" not in str(error.value)


def test_an_inner_archive_cut_short_does_not_read_on(tmp_path):
    """After the cut follows, in the outer archive, what looks like its next member."""
    inner = {"n1.tar": tar_bytes({"a": b"1"})[:1024], "n2.tar": tar_bytes({"b": b"2"})}
    archive = write_tar(tmp_path / "x.tar", inner)
    with pytest.raises(SppnetError, match=r"x\.tar::n1\.tar: cut short"):
        list_members(f"{archive}::n1.tar")


def test_a_member_that_is_gone_is_one_line(tmp_path):
    archive = write_tar(tmp_path / "x.tar", FILES)
    with pytest.raises(SppnetError, match=r"x\.tar: has no member c"):
        read_file(f"{archive}::c")
