"""Messages on stderr: one line each, whatever they quote escaped, never folded, so that logs can be searched."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.cli.tables import printable

if TYPE_CHECKING:
    from rich.console import Console

_MOST_NAMES = 20  # in a line


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print a sentence; a terminal wraps it by itself."""
    console.print(printable(sentence, style), soft_wrap=True)


def warn(console: Console, sentence: str) -> None:
    """Print a warning."""
    say(console, f"warning: {sentence}", "yellow")


def hint(console: Console, sentence: str) -> None:
    """Print what is best done next: the last line of a command, where neither `--quiet` nor `--json` is given."""
    say(console, f"next: {sentence}", "dim")


def command(*words: str | Path) -> str:
    """Write a command of tagger as it is typed into a shell.

    >>> command("check", Path("my corpus.conll"))
    "tagger check 'my corpus.conll'"
    """
    return shlex.join(["tagger", *map(str, words)])


def list_counts(counts: Mapping[str, int]) -> str:
    """Name things with their numbers, the most frequent where there are many.

    >>> list_counts({"PER": 2, "LOC": 3})
    'PER (2), LOC (3)'
    """
    shown = counts
    if len(counts) > _MOST_NAMES:
        shown = dict(sorted(counts.items(), key=lambda each: -each[1])[:_MOST_NAMES])
    listed = ", ".join(f"{name} ({count:,})" for name, count in shown.items())
    return listed if len(shown) == len(counts) else f"{listed} and {len(counts) - len(shown):,} more"


def tell_of_directory(console: Console, output: Path, *, resume: bool) -> None:
    """Say what becomes of what the output holds, where a run may begin there."""
    from tagger.runtime import directory as files
    from tagger.training.output import NEXT, find_place, has_labels, has_run, has_seeds, is_finished

    has_model = is_finished(output)
    place = find_place(output, resume=resume, overwrite=True)
    is_there = has_run(place) or has_seeds(place) or has_labels(output)
    if resume and not is_there and not (output / files.WEIGHTS).exists():
        warn(console, f"{output} holds no unfinished run; training starts from the beginning")
    elif has_model and not resume:
        meanwhile = f"until then the new one is in {output / NEXT}"
        say(console, f"{output} holds a finished model, which stays until this run has ended; {meanwhile}")
