"""Answers that may differ in the last digit of a probability, as of sentences that are labelled together."""

from __future__ import annotations

from typing import Any

_LAST_DIGIT = 2e-6


def are_alike(found: Any, expected: Any) -> bool:
    """Compare values of JSON; numbers that aren't whole may differ by a digit."""
    if isinstance(found, float) and isinstance(expected, float):
        return abs(found - expected) <= _LAST_DIGIT
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(are_alike(found[key], expected[key]) for key in found)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(are_alike, found, expected))
    return bool(found == expected)
