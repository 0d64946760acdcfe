"""Where a network computes: what `auto` takes, and what a name that isn't there gets."""

from __future__ import annotations

import pytest
import torch

from tagger.errors import ConfigError
from tagger.model.device import find_device


@pytest.mark.parametrize(("has_cuda", "has_mps", "expected"), [(True, True, "cuda"), (False, True, "cpu")])
def test_auto_is_a_cuda_gpu_or_the_cpu_and_never_mps(monkeypatch, has_cuda, has_mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert find_device("auto") == torch.device(expected)
    assert find_device("cpu") == torch.device("cpu")
    if has_mps:
        assert find_device("mps") == torch.device("mps")


@pytest.mark.parametrize("name", ["abacus", "cuda:7", "cuda:x", ""])
def test_a_device_that_is_not_there_is_told_with_those_that_are(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(
        ConfigError,
        match=f"device: found '{name}', expected auto or what this machine has: cpu, cuda$",
    ):
        find_device(name, "device")
