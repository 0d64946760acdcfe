"""What runs of every network have in common: where they compute, when they save, when they stop or give up.

It knows neither the network nor what is saved; it prints nothing.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch

from tagger.errors import ConfigError, TaggerError

CHECKPOINT_SECONDS = 60.0  # a kill costs at most about a minute of work
MAX_SKIPPED = 20  # steps in a row without a finite gradient: the run won't recover by itself


class DivergenceError(TaggerError):
    """The loss or its gradient stopped being finite."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The caller asked to stop; the checkpoint holds everything so far."""

    epoch: int
    directory: Path


@runtime_checkable
class _Step(Protocol):
    """Facts of a step are told from those of an epoch by the norm of a gradient."""

    @property
    def norm(self) -> float:
        """Not finite where the step was skipped."""


Step = TypeVar("Step", bound=_Step)
Epoch = TypeVar("Epoch")


def supervise(
    facts: Iterable[Step | Epoch],
    *,
    end_epoch: Callable[[Epoch], None],
    save: Callable[[], None],
    best: Callable[[], str],
    stop: Callable[[], bool],
) -> Generator[Step | Epoch, None, bool]:
    """Pass the facts of a run on, and see that it is written down in time.

    Args:
        facts: of steps and epochs; the run is consistent whenever one comes.
        end_epoch: writes what is to be written after an epoch, the best model above all.
        save: writes all that a killed run needs to go on; called after every epoch, at least once a minute, and
            before a stop.
        best: says what of the run can be used.
        stop: asked after every fact.

    Returns:
        Whether it was stopped.

    Raises:
        DivergenceError: `MAX_SKIPPED` steps in a row had no finite gradient.
    """
    saved = time.perf_counter()
    unusable = 0
    for fact in facts:
        if isinstance(fact, _Step):
            unusable = 0 if math.isfinite(fact.norm) else unusable + 1
            if unusable >= MAX_SKIPPED:
                raise DivergenceError(
                    f"{unusable} steps in a row had no finite gradient; {best()}. Train again with a lower "
                    "--learning-rate or a lower --set training.clip_norm"
                )
            is_due = time.perf_counter() - saved > CHECKPOINT_SECONDS
        else:
            end_epoch(fact)
            is_due = True
        if is_due:
            save()
            saved = time.perf_counter()
        yield fact
        if stop():
            save()
            return True
    return False


def find_device(name: str) -> torch.device:
    """Return the device that a setting names; `auto` takes a GPU if there is one.

    Raises:
        ConfigError: there is no such device on this machine.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    if not there[name]:
        found = ", ".join(device for device, usable in there.items() if usable)
        raise ConfigError(f"found {name}, but this machine has only: {found}", "training.device")
    return torch.device(name)


def count_workers(wanted: int, device: torch.device) -> int:
    """Return how many workers train: one beside a GPU; else as many as wanted, by default one per core, at most 2."""
    return 1 if device.type != "cpu" else wanted or min(2, os.cpu_count() or 1)
