"""What several tests share: patience, files opened, networks in bfloat16."""

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


@pytest.fixture
def in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Networks that were changed to bfloat16 since the test began."""
    from sppnet.models.network import Network  # slow to import, and few tests need it

    changed: list[object] = []
    original = Network.to_bfloat16

    def noted(network: Network) -> Network:
        changed.append(network)
        return original(network)

    monkeypatch.setattr(Network, "to_bfloat16", noted)
    return changed
