"""The project's own error: a wrong input or setting, said in one line with its cure."""

from collections.abc import Iterator
from contextlib import contextmanager


class SppnetError(Exception):
    """Raised for bad input; the message names the file or setting, what is wrong and what to do."""


@contextmanager
def unreadable_refused() -> Iterator[None]:
    """Turn the error of a file or folder that cannot be read into a refusal; also a decorator.

    Raises:
        SppnetError: in the place of an OSError that names a file.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise SppnetError(
            f"{error.filename}: cannot be read ({error.strerror}); make it readable, a folder with "
            "all in it by `chmod -R u+rX`"
        ) from None
