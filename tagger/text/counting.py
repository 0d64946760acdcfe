"""Numbers of things in words, for messages."""

from __future__ import annotations


def count_of(count: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless it is one.

    >>> count_of(1, "span"), count_of(0, "span")
    ('1 span', '0 spans')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
