"""Ctrl-C and SIGTERM: the first asks a run to stop after its step, the second leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console


@contextmanager
def asked_to_stop(console: Console) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether the user asked to stop; put the old handlers back at the end."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        console.print("stopping after this step (again: leave at once)", markup=False)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
