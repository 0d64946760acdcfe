"""Ctrl-C and SIGTERM: in a long run the first asks it to stop after its step, the second leaves at once.

Elsewhere either unwinds a command, so that what it was writing is cleared away. The exit code is 128 and the signal.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console

from tagger.cli.streams import has_drawing_terminal

_CLEAR = "\r\x1b[2K"  # away with a progress bar, or with the `^C` that a terminal shows
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM unwind a command; put the old handlers back at the end.

    One that is ignored, as in the background of a script, stays ignored.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, leave)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


class Stop:
    """Whether the user asked to stop, and the exit code that says how."""

    def __init__(self) -> None:
        self.number = 0  # of the signal

    def __call__(self) -> bool:
        return self.number > 0

    @property
    def exit_code(self) -> int:
        """Return 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


@contextmanager
def asked_to_stop(console: Console, last: str = "this step") -> Iterator[Stop]:
    """Yield what tells whether the user asked to stop; put the old handlers back at the end.

    Args:
        console: where that is acknowledged.
        last: what the run still finishes.
    """
    stop = Stop()
    is_drawn = has_drawing_terminal()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop():
            _write(console, _CLEAR + _SHOW_CURSOR if is_drawn else "")
            os._exit(128 + number)
        stop.number = number
        _write(console, f"{_CLEAR if is_drawn else chr(10)}stopping after {last} (again: leave at once)\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write(console: Console, text: str) -> None:
    """Write past the console: a handler may interrupt it in the middle of a line, and it can't be entered twice."""
    with suppress(OSError, ValueError):
        os.write(console.file.fileno(), text.encode())
