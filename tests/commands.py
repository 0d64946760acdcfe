"""What tests of commands share: what a command left behind, and a network that trains in a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

TINY = ["--epochs", "2", "--hidden", "5", "--workers", "1", "--batch-sentences", "4"]
TINY += [f"--set=embedding.{name}=4" for name in ("word_dim", "character_filters", "affix_dim", "shape_dim")]


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error."""
        assert self.code == 1, self
        assert self.out == ""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert lines == self.err.splitlines()[-1:]
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


Run = Callable[..., Done]
