"""The errors that tagger raises for a user's mistake, each rendered as one line.

The library raises them, the command line prints `error: ` and the text and exits with code 1. Every message
says what was found, what was expected and what to do. A programming mistake of ours is an `assert` or a
built-in exception, never one of these.
"""

from __future__ import annotations

from os import PathLike


class TaggerError(Exception):
    """Base of every error that a user can cause and mend."""


class DataError(TaggerError):
    """A corpus or a text is at fault.

    Args:
        message: what was found, what was expected, what to do.
        path: the file at fault.
        line: its line, counted from 1.
    """

    def __init__(
        self, message: str, path: str | PathLike[str] | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line

    def __str__(self) -> str:
        place = "".join(f"{part}:" for part in (self.path, self.line) if part is not None)
        return f"{place} {self.message}" if place else self.message


class ConfigError(TaggerError):
    """A setting is at fault; `field` names it as the user writes it (`training.epochs`)."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ModelError(TaggerError):
    """A model directory, or a file in it, is at fault."""

    def __init__(self, message: str, path: str | PathLike[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path is not None else self.message
