"""Where a record stands."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tagger.errors import DataError

_SHOWN = 100  # characters of a value in a message


class Place(NamedTuple):
    """Where a record stands, and the number of its document."""

    path: str
    line: int
    document: int

    def fault(self, message: str) -> DataError:
        """Return an error at this place."""
        return DataError(message, self.path, self.line)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def show(value: Any) -> str:
    """Return a value as JSON writes it, shortened.

    >>> show({"start": 0, "label": None})
    '{"start": 0, "label": null}'
    """
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]


def list_names(names: list[str], shown: int = 8) -> str:
    """Return names in quotes, the first few of many.

    >>> list_names(["text", "label"]), list_names(["a", "b", "c"], 2)
    ("'text', 'label'", "'a', 'b' and 1 more")
    """
    listed = ", ".join(repr(name[:_SHOWN]) for name in names[:shown]) or "none"
    return listed if len(names) <= shown else f"{listed} and {len(names) - shown:,} more"
