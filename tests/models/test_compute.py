"""The hardware of a command."""

import pytest
import torch

from sppnet.errors import SppnetError
from sppnet.models.compute import choose_device


def test_devices():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda")
    for name in ("nonsense", "cuda:99"):
        with pytest.raises(SppnetError, match="--device"):
            choose_device(name)


def test_a_gpu_adds_in_one_order_and_in_32_bits(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    choose_device("cpu")
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32
