"""Files inside tar archives, read without unpacking.

A place is a path, or an archive and a member, `a.tar::c.jpg`, or a member of an archive in an
archive, `a.tar::b.tar::c.jpg`.
"""

import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sppnet.errors import SppnetError

SEPARATOR = "::"
MARK = f".tar{SEPARATOR}"
BLOCK = 512  # an archive ends with at least one empty block of this many bytes


@dataclass(frozen=True)
class Span:
    """Bytes `[start, stop)` of a file."""

    start: int
    stop: int


def member_place(archive: Path | str, member: str) -> str:
    """The place of a member of an archive, which may itself be a member."""
    return f"{archive}{SEPARATOR}{member}"


def read_file(place: Path | str) -> bytes:
    """The bytes of a file or of a member of an archive.

    Raises:
        SppnetError: the archive is cut short or lacks the member.
        OSError: there is no such file, or it cannot be read.
    """
    file, members = _split(place)
    if not Path(file).is_file():
        raise FileNotFoundError("no such file")
    if not members:
        return Path(file).read_bytes()
    span = _locate(file, members)
    with Path(file).open("rb") as stream:
        stream.seek(span.start)
        return stream.read(span.stop - span.start)


def list_members(archive: Path | str) -> list[str]:
    """Names of the regular files in an archive, in its order; those hidden or in a hidden folder
    are left out.

    Raises:
        SppnetError: not a tar archive, or cut short.
        OSError: there is no such file, or it cannot be read.
    """
    file, members = _split(archive)
    return list(_members(file, members))


def containing_file(place: Path | str) -> Path:
    """The file on disk that holds a place: itself, or the outermost archive."""
    return Path(_split(place)[0])


def _split(place: Path | str) -> tuple[str, tuple[str, ...]]:
    head, mark, members = str(place).partition(MARK)
    return (f"{head}.tar", tuple(members.split(SEPARATOR))) if mark else (str(place), ())


def _locate(file: str, members: tuple[str, ...]) -> Span:
    *archive, name = members
    spans = _members(file, tuple(archive))
    if name not in spans:
        place = SEPARATOR.join((file, *archive))
        raise SppnetError(f"{place}: has no member {name}; it has changed, prepare its set again")
    return spans[name]


@lru_cache(maxsize=16)  # images come class by class, so few archives are in use at a time
def _members(file: str, archive: tuple[str, ...]) -> dict[str, Span]:
    """Where the members of an archive lie in the outermost file."""
    place = SEPARATOR.join((file, *archive))
    extent = _locate(file, archive) if archive else Span(0, Path(file).stat().st_size)
    spans = {}
    with Path(file).open("rb") as stream:
        stream.seek(extent.start)
        try:
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                for member in tar:
                    span = Span(member.offset_data, member.offset_data + member.size)
                    if span.stop > extent.stop:
                        raise tarfile.ReadError("unexpected end of data")
                    name = member.name.removeprefix("./")
                    if member.isreg() and not any(
                        part.startswith(".") for part in Path(name).parts
                    ):
                        spans[name] = span
                if tar.offset + BLOCK > extent.stop:
                    raise tarfile.ReadError("no end of archive")
        except tarfile.TarError as error:
            raise SppnetError(
                f"{place}: cut short or no tar archive ({error}); fetch it again"
            ) from None
    return spans
