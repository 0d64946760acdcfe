"""What tests of commands share: what a command left behind, and a network that trains in a moment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

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


def start_predict(model: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start `tagger predict MODEL ...` as a process with pipes."""
    command = [sys.executable, "-m", "tagger", "predict", model, *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes | options)
