"""Validation errors of pydantic, in plain words."""

from collections.abc import Mapping
from typing import Any


def reason(finding: Mapping[str, Any]) -> str:
    """The reason for a validation error, without the key of the setting.

    Args:
        finding: an item of `ValidationError.errors(include_url=False)`.
    """
    if finding["type"] == "missing":
        return "missing"
    if finding["type"] == "extra_forbidden":
        return "no such setting"
    if finding["type"] == "value_error":
        return str(finding["ctx"]["error"])
    message = str(finding["msg"]).lower()
    return f"{message}, not {finding['input']!r}" if finding["loc"] else message
