"""`history.jsonl`: one line of facts per epoch. What the facts are, the run that adds them knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tagger.training import checkpoint


class History:
    """The epochs of a run; the file is rewritten whole with each, so that it never ends in half a line.

    Attributes:
        epochs: the facts of each epoch, with `seconds` and `tokens_per_second` among them.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / checkpoint.HISTORY
        self.epochs: list[dict[str, Any]] = []

    def keep(self, epochs: int) -> None:
        """Keep the first `epochs` lines of what is there."""
        with suppress(OSError, ValueError):
            lines = self._path.read_text(encoding="utf-8").split("\n")
            self.epochs = [json.loads(line) for line in lines[:epochs]]

    def add(self, facts: Mapping[str, Any]) -> None:
        """Append an epoch."""
        self.epochs.append(dict(facts))
        lines = [json.dumps(each, ensure_ascii=False) + "\n" for each in self.epochs]
        checkpoint.write_atomically(self._path, "".join(lines).encode())

    @property
    def seconds(self) -> float:
        """Seconds of training, of the interrupted part of a run too."""
        return sum(float(each["seconds"]) for each in self.epochs)

    @property
    def tokens_per_second(self) -> float:
        """Mean over all epochs."""
        tokens = sum(float(each["tokens_per_second"]) * float(each["seconds"]) for each in self.epochs)
        return tokens / max(self.seconds, 1e-9)
