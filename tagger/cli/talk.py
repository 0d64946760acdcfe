"""Sentences on stderr: one line each, whatever they quote escaped, never folded, so that logs can be searched.

It knows consoles, and the directory that a run is about to write.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tagger.cli.tables import printable

if TYPE_CHECKING:
    from rich.console import Console


def say(talk: Console, sentence: str, style: str = "") -> None:
    """Print a sentence; a terminal wraps it by itself."""
    talk.print(printable(sentence, style), soft_wrap=True)


def warn(talk: Console, sentence: str) -> None:
    """Print a warning."""
    say(talk, f"warning: {sentence}", "yellow")


def warn_of_directory(talk: Console, output: Path, *, resume: bool) -> None:
    """Say what a run will replace."""
    from tagger.training import checkpoint

    if checkpoint.has_run(output) and not resume:
        warn(talk, f"{output} holds an unfinished run, which ends here (--resume would go on with it)")
    elif resume and not checkpoint.has_run(output):
        warn(talk, f"{output} holds no unfinished run; training starts from the beginning")
    if (output / checkpoint.WEIGHTS).exists() and not resume:
        warn(talk, f"{output} holds a model, which this run replaces after its first epoch")
