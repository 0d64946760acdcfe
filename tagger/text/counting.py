"""Numbers of things in words, for messages."""

from __future__ import annotations


def count_of(count: int, noun: str, several: str = "") -> str:
    """Return a number and its noun, in the plural unless it is one; `several` where that does not just add an s.

    >>> count_of(1, "span"), count_of(1200, "span"), count_of(0, "entry", "entries")
    ('1 span', '1,200 spans', '0 entries')
    """
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
