"""Where a network computes: one rule for training and prediction."""

from __future__ import annotations

import torch

from tagger.errors import ConfigError


def find_device(name: str, field: str = "training.device") -> torch.device:
    """Return the device of a name: `auto` is a CUDA GPU if there is one, else the CPU; `mps` goes by its name alone.

    Args:
        name: auto, cpu, cuda, cuda:1, mps.
        field: the setting that an error names.

    Raises:
        ConfigError: there is no such device on this machine.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if there["cuda"] else "cpu")
    kind, _, number = name.partition(":")
    is_numbered = not number or (number.isdecimal() and int(number) < _count(kind))
    if not there.get(kind) or not is_numbered:
        found = ", ".join(device for device, usable in there.items() if usable)
        raise ConfigError(f"found {name!r}, expected auto or what this machine has: {found}", field)
    return torch.device(name)


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1
