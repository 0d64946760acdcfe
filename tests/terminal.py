"""A terminal for tests: a command runs on it, and what would be seen on it is worked out from the bytes."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
_IMPATIENT = """
import tagger.cli.waiting as waiting
waiting.PATIENCE, waiting._BETWEEN = 0.02, 0.01
from tagger.__main__ import main
main()
"""
_SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


class Screen:
    """What the bytes of a program leave on a terminal that folds nothing; a sequence it doesn't know is a failure."""

    def __init__(self) -> None:
        self.rows = [""]
        self.row = self.column = 0
        self.is_cursor_shown = True

    def feed(self, text: str) -> None:
        """Obey some text."""
        while text:
            if found := _SEQUENCE.match(text):
                self._obey(*found.groups())
                text = text[found.end() :]
                continue
            character, text = text[0], text[1:]
            if character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
                if self.row == len(self.rows):
                    self.rows.append("")
            else:
                assert character.isprintable(), character
                line = self.rows[self.row].ljust(self.column)
                self.rows[self.row] = line[: self.column] + character + line[self.column + 1 :]
                self.column += 1

    def _obey(self, number: str, letter: str) -> None:
        if letter == "A":
            self.row -= int(number or 1)
            assert self.row >= 0
        elif (number, letter) == ("2", "K"):
            self.rows[self.row] = ""
        elif number == "?25":
            self.is_cursor_shown = letter == "h"
        else:
            assert letter == "m", (number, letter)

    @property
    def text(self) -> str:
        """Return what is seen."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip()


class Session(NamedTuple):
    """How a command ended, what it wrote to the terminal and to stdout (nothing, if that was the terminal)."""

    code: int
    written: str
    out: str

    @property
    def screen(self) -> Screen:
        """Return the terminal at the end."""
        screen = Screen()
        screen.feed(self.written)
        return screen


def run_on_terminal(
    arguments: list[object],
    folder: Path,
    *,
    out: Path | None = None,
    react: Callable[[str, subprocess.Popen[bytes]], None] = lambda written, process: None,
    width: int = 100,
    is_patient: bool = False,
    typed: bytes = b"",
    **environment: str,
) -> Session:
    """Run `tagger` with a terminal for its stderr, and its stdin; for stdout, too, unless that goes to a file.

    Args:
        arguments: of the command.
        folder: where it runs.
        out: a file for its stdout.
        react: called with what it wrote so far whenever that is more; it may send signals.
        width: of the terminal in columns.
        is_patient: as users are; else a bar comes soon, so that a test needs no large inputs.
        typed: on its keyboard.
        environment: more variables.
    """
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))  # Windows has none of them
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    variables = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
    inherited = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    with (out or folder / "stdout").open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *(("-m", "tagger") if is_patient else ("-c", _IMPATIENT)), *map(str, arguments)],
            cwd=folder,
            env=inherited | variables,
            stdin=far,
            stdout=file if out else far,
            stderr=far,
            start_new_session=True,
        )
        os.close(far)
        os.write(near, typed)
        written, until = b"", time.monotonic() + 120
        while time.monotonic() < until:
            if not select.select([near], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(near, 1 << 16)
            except OSError:  # Linux says so when the last process on the other side is gone
                break
            if not data:
                break
            written += data
            react(written.decode(errors="replace"), process)
        os.close(near)
        code = process.wait(30)
    return Session(code, written.decode(), out.read_text() if out else "")
