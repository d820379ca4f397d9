"""What the machine has."""

import psutil

from sppnet.plan.machine import memory_mb


def test_memory_is_the_machines(tmp_path):
    machine = psutil.virtual_memory().total // 10**6
    assert memory_mb(tmp_path / "none") == machine
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_mb(tmp_path / "memory.max") == machine


def test_a_container_may_use_less(tmp_path):
    (tmp_path / "memory.max").write_text("512000000\n")
    assert memory_mb(tmp_path / "memory.max") == 512
