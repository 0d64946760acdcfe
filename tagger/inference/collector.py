"""Python's collector of cycles, kept from walking over what is there to stay.

Both functions change the whole process, so they are for programs, not for libraries. This module must be importable
before PyTorch is.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting_collector() -> Iterator[None]:
    """Load modules and models without collecting, and leave them out of every later collection.

    Importing PyTorch makes hundreds of thousands of values, none of them garbage: walking over them took a tenth of
    the import, and at the end of the process once more half a second.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def spare_collector() -> None:
    """Let the collector run seldom: a process that labels makes millions of values and no cycles.

    It took a sixth of the time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
