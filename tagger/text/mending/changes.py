"""What can be mended, and a change as it is told."""

from __future__ import annotations

from typing import NamedTuple

MENDINGS: dict[str, str] = {
    "separator": "rows with other separators",
    "character": "tags with characters that look like others",
    "word": "words with letters of two alphabets that look alike",
    "outside": "tags that stand for O",
    "spelling": "tags written otherwise",
    "type": "types that are another one but for capitals or look-alikes",
    "sequence": "tags that do not follow from the tag before",
}
"""The kinds of change, in the order in which they are made."""


class Change(NamedTuple):
    """One thing that was mended; `kind` is a key of `MENDINGS`."""

    line: int
    kind: str
    before: str
    after: str

    def as_dict(self) -> dict[str, object]:
        """Return the change as JSON holds it."""
        return self._asdict()
