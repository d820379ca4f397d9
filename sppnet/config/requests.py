"""Requests: JSON files with the options of a command that are too long for a command line."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sppnet.config.findings import reason
from sppnet.config.section import Section
from sppnet.errors import SppnetError

Request = TypeVar("Request", bound=Section)


def read_request(path: Path, model: type[Request]) -> Request:
    """Read a request file.

    Raises:
        SppnetError: the file cannot be read or does not match the model.
    """
    try:
        return model.model_validate_json(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SppnetError(f"{path}: cannot be read ({error}); run snakemake again") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        where = f"{path}: {key}" if key else path
        raise SppnetError(f"{where}: {reason(first)}; correct it") from None
