"""Messages on stderr: one line each, whatever they quote escaped, never folded, so that logs can be searched."""

from __future__ import annotations

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


def list_counts(counts: Mapping[str, int]) -> str:
    """Name things with their numbers, the most frequent where there are many.

    >>> list_counts({"PER": 2, "LOC": 3})
    'PER (2), LOC (3)'
    """
    shown = counts
    if len(counts) > _MOST_NAMES:
        shown = dict(sorted(counts.items(), key=lambda each: -each[1])[:_MOST_NAMES])
    listed = ", ".join(f"{name} ({count})" for name, count in shown.items())
    return listed if len(shown) == len(counts) else f"{listed} and {len(counts) - len(shown):,} more"


def warn_of_directory(console: Console, output: Path, *, resume: bool, seeds: int = 1) -> None:
    """Say what a run, or runs of several seeds, will replace."""
    from tagger.runtime import directory as files
    from tagger.training import repeat, state

    is_there = state.has_run(output) if seeds == 1 else repeat.has_begun(output)
    if is_there and not resume:
        kind = "an unfinished run" if seeds == 1 else "a run of several seeds"
        warn(console, f"{output} holds {kind}, which ends here (--resume would go on with it)")
    elif resume and not is_there:
        kind = "unfinished run" if seeds == 1 else "run of several seeds"
        hint = " (it holds several seeds, which --seeds goes on with)" if repeat.has_begun(output) else ""
        warn(console, f"{output} holds no {kind}; training starts from the beginning{hint}")
    if (output / files.WEIGHTS).exists() and not resume:
        first = "epoch" if seeds == 1 else "seed"
        warn(console, f"{output} holds a model, which this run replaces after its first {first}")
