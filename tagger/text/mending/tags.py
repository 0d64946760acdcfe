"""What each tag of a file is to be, and why: a table that all of its tags together make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tagger.text import schemes
from tagger.text.mending.characters import mend_tag
from tagger.text.mending.types import find_near_types
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme

_OUTSIDE_TWINS = ("o", "0")


class Meaning(NamedTuple):
    """The tag that is meant, and the kinds of change that lead there, keys of `MENDINGS`."""

    tag: str
    kinds: tuple[str, ...]


def find_meanings(counts: Mapping[str, int], scheme: Scheme) -> dict[str, Meaning]:
    """Return what is meant by the tags that are to be changed.

    Args:
        counts: how often each tag occurs, as it stands in the file.
        scheme: of the tags.

    >>> found = find_meanings({"O": 50, "o": 1, "0": 1, "B-PER": 9, "B-Per": 1, "I-PER": 4}, Scheme.IOB2)
    >>> {old: new.tag for old, new in found.items()}
    {'o': 'O', '0': 'O', 'B-Per': 'B-PER'}
    """
    meant = {tag: Meaning(tag, ()) for tag in counts}
    _change(meant, counts, "character", mend_tag)
    written = _recount(meant, counts)
    if written[OUTSIDE] and scheme is not Scheme.BARE:
        twins = {tag for tag in _OUTSIDE_TWINS if 0 < written[tag] < written[OUTSIDE]}
        _change(meant, counts, "outside", lambda tag: OUTSIDE if tag in twins else tag)
    spelling = schemes.respell(_recount(meant, counts), scheme)
    _change(meant, counts, "spelling", lambda tag: spelling.get(tag, tag))
    types: Counter[str] = Counter()
    for tag, count in _recount(meant, counts).items():
        if schemes.is_tag(tag, scheme) and tag not in (OUTSIDE, UNKNOWN_TAG):
            types[schemes.split_tag(tag, scheme)[1]] += count
    sure = {near.name: near.likely for near in find_near_types(types) if near.is_sure}
    if sure:
        _change(meant, counts, "type", lambda tag: _rename(tag, sure, scheme))
    return {tag: meaning for tag, meaning in meant.items() if meaning.kinds}


def _change(
    meant: dict[str, Meaning], counts: Mapping[str, int], kind: str, mend: Callable[[str], str]
) -> None:
    """Mend what the tags are taken for so far."""
    for tag in counts:
        now = meant[tag]
        new = mend(now.tag)
        if new != now.tag and new:
            meant[tag] = Meaning(new, (*now.kinds, kind))


def _recount(meant: Mapping[str, Meaning], counts: Mapping[str, int]) -> Counter[str]:
    written: Counter[str] = Counter()
    for tag, count in counts.items():
        written[meant[tag].tag] += count
    return written


def _rename(tag: str, names: Mapping[str, str], scheme: Scheme) -> str:
    """Return a tag with the type that is meant."""
    if tag in (OUTSIDE, UNKNOWN_TAG) or not schemes.is_tag(tag, scheme):
        return tag
    if not scheme.has_prefixes:
        return names.get(tag, tag)
    type_ = schemes.split_tag(tag, scheme)[1]
    return f"{tag[:2]}{names[type_]}" if type_ in names else tag
