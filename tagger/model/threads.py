"""One thread inside each operator: the matrices of a batch are too small to be shared out.

On a machine with other work to do, threads that wait for each other in every operator made labelling 28 times
slower than one thread. Several cores are for several batches side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the operators called from this thread use one core; other threads keep their setting."""
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
