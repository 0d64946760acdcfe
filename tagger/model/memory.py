"""Memory that runs out while a network is built or trained: found beforehand where possible, told in one line.

On a CPU PyTorch has no exception of its own for that. And Linux grants memory that it hasn't: a process whose network
can't fit would be killed while the weights are drawn.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tagger.errors import TaggerError

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")
_COPIES = 4  # of each weight: itself, its average, the optimiser's two moments


class MemoryExhaustedError(TaggerError):
    """There is too little memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS)


@contextmanager
def memory_watched(advice: str) -> Iterator[None]:
    """Say in the user's words that memory ran out.

    Args:
        advice: what to give for less.

    Raises:
        MemoryExhaustedError: it did.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryExhaustedError(f"out of memory; give {advice}") from None


def check_size(shapes: Iterable[tuple[int, ...]], advice: str) -> None:
    """Refuse a network whose weights can't be trained in the memory of this machine.

    Args:
        shapes: of its weights, in single precision.
        advice: what to give for less.

    Raises:
        MemoryExhaustedError: they can't.
    """
    needed = 4 * _COPIES * sum(map(math.prod, shapes))
    there = _memory()
    if there is not None and needed > there:
        raise MemoryExhaustedError(
            f"out of memory before the first step: weights, their average and moments take {needed / 1e9:,.1f} GB, "
            f"and this machine has {there / 1e9:,.1f} GB; give {advice}"
        )


def _memory() -> int | None:
    """Return the bytes of memory that this machine has; None where the system doesn't tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
