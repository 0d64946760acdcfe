"""Types that are nearly another one: `Per` once, where `PER` is what the file says everywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tagger.text.mending.characters import mend_tag

_RARE = 0.1  # of the likely one's count: types that differ in capitals alone
_SLIP = 0.01  # ... that are a letter apart: tag sets have such (NN, NNS), and both are frequent
_SHORTEST = 3  # letters: shorter names are all a letter apart


class NearType(NamedTuple):
    """A type that is rare, and the one that is likely meant.

    `is_sure`: they differ in nothing but capitals or letters that look alike, so that it may be mended.
    """

    name: str
    times: int
    likely: str
    likely_times: int
    is_sure: bool

    def describe(self) -> str:
        """Say it as a question."""
        times = "once" if self.times == 1 else f"{self.times:,} times"
        return f"{self.name!r} {times}: {self.likely!r} ({self.likely_times:,} times)?"


def find_near_types(types: Mapping[str, int]) -> Iterator[NearType]:
    """Yield the types that are nearly another one.

    Args:
        types: how often each occurs.

    >>> [each.describe() for each in find_near_types({"PER": 40, "Per": 1, "LOC": 90, "LCO": 1})]
    ["'Per' once: 'PER' (40 times)?", "'LCO' once: 'LOC' (90 times)?"]
    """
    forms: dict[str, list[str]] = {}
    for name in types:
        forms.setdefault(_form_of(name), []).append(name)
    for name, count in types.items():
        twins = [other for other in forms[_form_of(name)] if other != name]
        likely = max(twins, key=types.__getitem__, default=None)
        if likely is not None and (count < types[likely] and count <= max(1, _RARE * types[likely])):
            yield NearType(name, count, likely, types[likely], is_sure=True)
            continue
        if likely is not None or len(name) < _SHORTEST:
            continue
        near = [
            other
            for other in types
            if count <= _SLIP * types[other] or (count == 1 and types[other] >= 20)
            if len(other) >= _SHORTEST and _are_near(_form_of(name), _form_of(other))
        ]
        if near:
            likely = max(near, key=types.__getitem__)
            yield NearType(name, count, likely, types[likely], is_sure=False)


def _form_of(name: str) -> str:
    """Return what names that differ in capitals or look-alikes alone have in common."""
    return mend_tag(name).casefold()


def _are_near(one: str, other: str) -> bool:
    """Say whether one letter is missing, too many, another one, or two neighbours have changed places."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[:2] == right[1::-1] and left[2:] == right[2:])
    )
