"""`history.jsonl`, one line of facts per measurement, and their picture. What the facts are, the run knows.

An epoch is measured at its end, and with `eval_steps` within it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tagger.errors import ModelError
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.text.objects import describe, dump_json
from tagger.text.output import encode_text, write_atomically

Epochs = Sequence[Mapping[str, Any]]  # the facts of each measurement, as a line of the history holds them


class History:
    """The measurements of a run; its files are rewritten whole with each, so that none ever ends in half a line.

    Args:
        directory: where they go.
        draw: makes a page of these facts.

    Attributes:
        epochs: the facts of each measurement, with `seconds` and `tokens_per_second` among them.
    """

    def __init__(self, directory: Path, draw: Callable[[Epochs], str]) -> None:
        self._path = directory / files.HISTORY
        self._picture = directory / files.CURVES
        self._draw = draw
        self.epochs: list[dict[str, Any]] = []

    def keep(self, epochs: int | None = None) -> None:
        """Keep the first `epochs` lines of what is there, or all; nothing, if they aren't the facts of epochs."""
        with suppress(ModelError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            found = reports.read_history(self._path.parent)[:epochs]
            self._draw(found)  # asks for every fact that is asked for later
            self._check(found)
            self.epochs = found

    def _check(self, epochs: Epochs) -> None:
        """Raise one of several errors where a fact that is summed up isn't there."""
        sum(float(each["tokens_per_second"]) * float(each["seconds"]) for each in epochs)

    def take_over(self, other: History) -> None:
        """Begin with the epochs of another history."""
        self.epochs = other.epochs[:-1]
        self.add(other.epochs[-1])

    def add(self, facts: Mapping[str, Any]) -> None:
        """Append a measurement."""
        self.epochs.append(describe("epoch", facts))
        lines = [dump_json(each) + "\n" for each in self.epochs]
        write_atomically(self._path, encode_text("".join(lines)))
        write_atomically(self._picture, encode_text(self._draw(self.epochs)))

    @property
    def done(self) -> float:
        """Epochs done at the last measurement; 0 before the first."""
        done: float = self.epochs[-1]["epoch"] if self.epochs else 0
        return done

    @property
    def steps(self) -> int:
        """Steps taken by then, as far as the history counts them."""
        return int(self.epochs[-1].get("step", 0)) if self.epochs else 0

    @property
    def seconds(self) -> float:
        """Seconds of training, of the interrupted part of a run too."""
        return sum(float(each["seconds"]) for each in self.epochs)

    @property
    def tokens_per_second(self) -> float:
        """Mean over all epochs."""
        tokens = sum(float(each["tokens_per_second"]) * float(each["seconds"]) for each in self.epochs)
        return tokens / max(self.seconds, 1e-9)
