"""The standard streams of a process that somebody else started: closed, redirected, or a terminal."""

from __future__ import annotations

import errno
import io
import os
import sys


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


def prepare_streams() -> None:
    """Make the standard streams safe to use: UTF-8 whatever the locale, and closed ones a fault instead of a crash.

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
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


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
