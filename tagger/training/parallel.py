"""Threads that compute side by side, with one thread each inside PyTorch's operators.

One batch doesn't scale over cores inside an operator; several parts of it side by side do, because the operators
release the interpreter's lock. Nothing here knows what is computed. Where steps are short, processes do better: see
`training.team`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """A pool of threads; a context manager that gives PyTorch's own threads back at its end."""

    def __init__(self, count: int) -> None:
        self._pool = (
            ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if count > 1 else None
        )

    def __enter__(self) -> Self:
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(self._threads)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return the results in the order of the items; an error comes once nothing runs any more."""
        if self._pool is None:
            return [function(item) for item in items]
        running = [self._pool.submit(function, item) for item in items]
        wait(running)  # also where one of them fails: the others take memory until they end
        return [each.result() for each in running]


def seed_of(*place: int) -> int:
    """Return a seed of 63 bits for a place in a run, such as (seed, epoch, batch)."""
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> np.uint64(1))
