"""What several tests share: patience, and files opened."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# However busy the machine is: what a property says does not depend on time.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

OpenedFiles = Callable[[Path, Callable[[], object]], set[Path]]


@pytest.fixture(scope="session")
def opened_files() -> OpenedFiles:
    """Makes a call and tells which files below a folder this process opened meanwhile."""
    opened: list[set[Path]] = []

    def note(event: str, given: tuple[object, ...]) -> None:
        if opened and event == "open" and isinstance(given[0], str | Path):
            opened[-1].add(Path(given[0]))

    def opened_files(folder: Path, call: Callable[[], object]) -> set[Path]:
        opened.append(set())
        try:
            call()
        finally:
            found = opened.pop()
        return {path for path in found if path.is_relative_to(folder)}

    sys.addaudithook(note)  # nothing opens a file past it; it stays until the process ends
    return opened_files
