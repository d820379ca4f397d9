"""What this machine has for the jobs of a run."""

import os
from contextlib import suppress
from pathlib import Path

LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container


def memory_mb(limit: Path = LIMIT) -> int:
    """Main memory in units of 10^6 bytes, or what a container may use of it if that is less."""
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        size = min(size, int(limit.read_text()))
    return size // 10**6
