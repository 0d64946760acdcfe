"""Python's collector of cycles, kept from walking over what is there to stay.

`resting_collector` and `spare_collector` change the process for good, so they are for programs, not for libraries.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting_collector() -> Iterator[None]:
    """Load modules and models without collecting, and leave them out of every later collection.

    Importing makes a hundred thousand values and more, none of them garbage; walking over them is in vain.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def held_collector() -> Iterator[None]:
    """Don't collect while sentences are labelled: that makes many values and no cycles.

    With characters, of which each is a token, collecting took a fifth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def spare_collector() -> None:
    """Let the collector run seldom: a process that labels makes millions of values and no cycles.

    It took a sixth of the time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
