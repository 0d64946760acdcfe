"""Where a network computes: one rule for training and prediction, and what is different beside a GPU.

A GPU works through what it was given while Python goes on. To read a number there is to wait for all that was given
before, and for that long nothing new is given: a step that waits often keeps the GPU idle. So a step reads none
(`at_hand`), takes no tensor whose size only the device knows, and gets what it needs in few copies (`move`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

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


def runs_ahead(device: torch.device) -> bool:
    """Tell whether Python goes on while a device works, so that reading a number there means to wait."""
    return device.type != "cpu"


def at_hand(number: Tensor) -> float | Tensor:
    """Return what a tensor () holds; the tensor itself, where that would mean to wait."""
    return number.detach() if runs_ahead(number.device) else number.item()


def products_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Let matrix products and recurrent layers compute in a precision, float32 or bfloat16, from float32 weights."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


class Movable(Protocol):
    """Something made of tensors."""

    def with_each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Return it with each of its tensors changed, always in the same order."""


Moved = TypeVar("Moved", bound=Movable)


def move(laid_out: Moved, device: torch.device) -> Moved:
    """Return tensors that lie on the CPU on a device: one copy for all of a type, for which nobody waits."""
    if device.type == "cpu":
        return laid_out
    tensors: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        tensors.append(tensor)
        return tensor

    laid_out.with_each(note)
    moved = iter(_move_all(tensors, device))
    return laid_out.with_each(lambda _: next(moved))


def _move_all(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    moved = list(tensors)
    by_type: dict[torch.dtype, list[int]] = {}
    for place, tensor in enumerate(tensors):
        by_type.setdefault(tensor.dtype, []).append(place)
    for dtype, places in by_type.items():
        sizes = [tensors[place].numel() for place in places]
        # memory that the device can read by itself: it would wait for Python to copy any other there first
        whole = torch.empty(sum(sizes), dtype=dtype, pin_memory=device.type == "cuda")
        torch.cat([tensors[place].reshape(-1) for place in places], out=whole)
        parts = torch.split(whole.to(device, non_blocking=True), sizes)
        for place, part in zip(places, parts, strict=True):
            moved[place] = part.view(tensors[place].shape)
    return moved


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1
