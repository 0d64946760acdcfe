"""Python's collector of cycles, kept from walking over what is there to stay.

`resting_collector` and `spare_collector` change the process for good, so they are for programs, not for libraries.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_collector() -> Iterator[None]:
    """Don't collect meanwhile: reading a corpus and labelling make many values that stay, and no cycles.

    Visiting them all again and again took a third of the time of reading, a fifth of that of labelling characters.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def resting_collector() -> Iterator[None]:
    """Load modules and models without collecting, and leave them out of every later collection.

    Importing makes a hundred thousand values and more, none of them garbage; walking over them is in vain.
    """
    with held_collector():
        yield
        gc.freeze()


def spare_collector() -> None:
    """Let the collector run seldom: a process that labels makes millions of values and no cycles.

    It took a sixth of the time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
