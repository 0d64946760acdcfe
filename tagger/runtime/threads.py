"""One thread inside each matrix product: the matrices of a batch are too small to be shared out.

On a machine with other work to do, threads that wait for each other in every operator made labelling 28 times
slower than one thread. Several cores are for several batches side by side. The number of BLAS's threads belongs to
the whole process (to each thread where BLAS is built with OpenMP), so it is set by the first who asks and given back
by the last.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy  # noqa: F401 - its library must be loaded before it is looked for
from threadpoolctl import ThreadpoolController


class _Limit:
    """The limit of a process: how many want it at the moment, and what was set before the first of them.

    Attributes:
        of_process: the libraries whose number of threads is the process's.
        of_thread: those whose number is each thread's own.
    """

    def __init__(self) -> None:
        libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        self.of_thread = [each for each in libraries if getattr(each, "threading_layer", "") == "openmp"]
        self.of_process = [each for each in libraries if each not in self.of_thread]
        self.users = 0
        self.before: list[int] = []


_LOCK = threading.Lock()
_limit: _Limit | None = None  # made when it is first needed: looking for libraries takes milliseconds


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let numpy's matrix products use one core each until every thread of the process has left this context."""
    global _limit
    with _LOCK:
        limit = _limit = _limit or _Limit()
        if limit.users == 0:
            limit.before = _set_threads(limit.of_process, [1] * len(limit.of_process))
        limit.users += 1
    own = _set_threads(limit.of_thread, [1] * len(limit.of_thread))
    try:
        yield
    finally:
        _set_threads(limit.of_thread, own)
        with _LOCK:
            limit.users -= 1
            if limit.users == 0:
                _set_threads(limit.of_process, limit.before)


def _set_threads(libraries: Sequence[Any], numbers: Sequence[int]) -> list[int]:
    """Set the number of threads of each library; return those of before."""
    before = [library.get_num_threads() for library in libraries]
    for library, number in zip(libraries, numbers, strict=True):
        # Since 3.8 threadpoolctl lets one thread alone set it, and the others do so in vain. The lock and the count
        # keep order here, so whoever it is gives way.
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
        library.set_num_threads(number)
        if clear is not None:
            clear(force=True)
    return before
