"""The standard streams of a process that somebody else started: closed, redirected, or a terminal."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class _ClosedStream(io.TextIOBase):
    """A standard stream that was closed before the program began: whatever uses it is told so."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _refuse(self) -> OSError:
        return OSError(errno.EBADF, "is closed, expected an open one", f"<{self._name}>")

    @property
    def buffer(self) -> io.BufferedReader:
        """Refuse to be read."""
        raise self._refuse()

    def write(self, text: str) -> int:
        """Refuse to be written."""
        raise self._refuse()

    def fileno(self) -> int:
        """Return the descriptor that nothing comes out of."""
        return ("stdin", "stdout", "stderr").index(self._name)

    def isatty(self) -> bool:
        """Say that it is no terminal."""
        return False


class _MutedStream(io.StringIO):
    """What takes the place of a standard stream that nobody is to write to: it forgets.

    Args:
        stream: whose place it takes; a terminal if that is one.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        """Forget a text."""
        return len(text)

    def fileno(self) -> int:
        """Return the descriptor, which leads nowhere meanwhile."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Say whether the stream is a terminal."""
        return self._stream.isatty()


def prepare_streams() -> None:
    """Make the standard streams safe to use: UTF-8 whatever the locale, and closed ones a fault instead of a crash.

    Line ends are written as they are, on Windows too: what goes to a pipe has the same bytes everywhere.

    A closed one gets a descriptor: else the next file that is opened would take its number, and what is printed by
    other libraries would end in that file. What is said on a closed stderr is lost.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
        if getattr(sys, name) is None:
            is_lost = name == "stderr"
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8") if is_lost else _ClosedStream(name))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # LANG=C and cp1252 consoles get UTF-8 all the same
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def muted_streams() -> Iterator[TextIO]:
    """Let nothing reach stdout and stderr; yield a stream that is written to what stderr was.

    For libraries that talk there, be it from C++ or from processes that they start.
    """
    before, kept = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
    for stream in before:
        stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with open(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1) as own:  # noqa: PTH123
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            sys.stdout, sys.stderr = (_MutedStream(each) for each in before)
            yield own
    finally:
        sys.stdout, sys.stderr = before
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)


def wants_colour(wish: str) -> bool:
    """Say whether what is printed on stdout is to have colours.

    Args:
        wish: `always`, `never` or `auto`: on a terminal that isn't `dumb`, unless `NO_COLOR` is set; `FORCE_COLOR`
            is as good as a terminal (no-color.org, force-color.org).
    """
    if wish != "auto":
        return wish == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def has_drawing_terminal() -> bool:
    """Say whether stderr is a terminal on which a line can be drawn again: one that isn't `dumb`."""
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
