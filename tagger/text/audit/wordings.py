"""Words that are labelled in several ways: `Real Madrid` ORG everywhere but once, where it is LOC, or nothing.

Some names are several things, and many words have several parts of speech. So only what goes against nearly all other
occurrences is told: where at least three are labelled one way, and no more than a quarter otherwise; where every
token has a label, at least twenty, and no more than one in fifty. A word of a segmented text is held against the
places where its characters are cut.

The file is read twice more: once for the spans, once for the same tokens outside of any. Of each distinct span its
tokens are kept, and of each way to label them how often it occurs and the first lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tagger.text import schemes
from tagger.text.audit.labels import LabelStore
from tagger.text.conll.sentence import Sentence
from tagger.text.counting import count_of
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme, Task, name_type

_LINES = 5  # of a way to label words that are told
_OUTSIDE, _CUT = "\0outside", "\0cut"  # no type: the words are labelled nowhere, or cut into several
_SIGN = "\n"  # between tokens, none of which holds a line end
_LONGEST = 12  # tokens: longer names don't come again


class _Ways:
    """In which ways the same words are labelled: how often each, and in which lines first."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: dict[str, list[int]] = {}  # way -> how often, first lines

    def add(self, way: str, line: int) -> None:
        places = self.found.setdefault(way, [0])
        places[0] += 1
        if len(places) <= _LINES:
            places.append(line)

    @property
    def times(self) -> int:
        return sum(places[0] for places in self.found.values())


def find_wordings(
    sentences: Callable[[], Iterable[Sentence]], labels: LabelStore, scheme: Scheme, task: Task
) -> Iterator[tuple[int, str]]:
    """Yield the line of each rare way to label words, and what is odd about it, in the order of their lines.

    Args:
        sentences: reads the file anew; it is asked more than once.
        labels: what was read of it before, in the same order.
        scheme: of the tags in `labels`.
        task: what they are about.
    """
    reading = _Reading(sentences, labels)
    least, share = (20, 0.02) if scheme is Scheme.BARE else (3, 0.25)
    words: dict[str, _Ways] = {}
    lengths: dict[str, Counter[int]] = {}  # first token -> of the spans that begin with it
    for tokens, tags, lines in reading:
        for type_, start, end in schemes.labels_of(tags, scheme):
            if _is_asked_for(start, end, task):
                words.setdefault(_SIGN.join(tokens[start:end]), _Ways()).add(type_, lines[start])
                if scheme is not Scheme.BARE:
                    lengths.setdefault(tokens[start], Counter())[end - start] += 1
    if scheme is not Scheme.BARE:
        often = {
            token: [n for n, count in found.items() if count >= least] for token, found in lengths.items()
        }
        frequent = {text: ways for text, ways in words.items() if ways.times >= least}
        add = _add_cuts if task.cuts_words else _add_unlabelled
        add(reading, frequent, {token: found for token, found in often.items() if found}, scheme)
    told = [
        each
        for text, ways in words.items()
        if _is_odd(ways, least, share)
        for each in _tell(("" if task.cuts_words else " ").join(text.split(_SIGN)), ways, task)
    ]
    yield from sorted(told)


class _Reading:
    """The sentences of a file read anew: tokens, tags as they were understood, lines."""

    def __init__(self, sentences: Callable[[], Iterable[Sentence]], labels: LabelStore) -> None:
        self._sentences, self._labels = sentences, labels

    def __iter__(self) -> Iterator[tuple[Sequence[str], Sequence[str], Sequence[int]]]:
        for sentence, (tags, lines) in zip(self._sentences(), self._labels, strict=False):
            if len(tags) == len(sentence.tokens):  # rows may lack their tags, which is told elsewhere
                yield sentence.tokens, tags, lines


def _is_asked_for(start: int, end: int, task: Task) -> bool:
    """Say whether a span is worth holding against others; a character that is a word is one everywhere else, too."""
    return end - start <= _LONGEST and (not task.cuts_words or end - start > 1)


def _add_unlabelled(
    reading: _Reading, words: Mapping[str, _Ways], lengths: Mapping[str, Sequence[int]], scheme: Scheme
) -> None:
    """Add the places where words that are labelled often are outside of every span.

    Args:
        lengths: which spans of words may have, by their first token.
    """
    for tokens, tags, lines in reading:
        for start, token in enumerate(tokens):
            if tags[start] != OUTSIDE or token not in lengths:
                continue
            for length in lengths[token]:
                end = start + length
                if end > len(tokens) or tags[start:end].count(OUTSIDE) < length:
                    continue
                ways = words.get(_SIGN.join(tokens[start:end]))
                if ways is not None:
                    ways.add(_OUTSIDE, lines[start])


def _add_cuts(
    reading: _Reading, words: Mapping[str, _Ways], lengths: Mapping[str, Sequence[int]], scheme: Scheme
) -> None:
    """Add the places where the characters of frequent words are several words; `lengths` as of `_add_unlabelled`."""
    for tokens, tags, lines in reading:
        ends = {start: end for _, start, end in schemes.tags_to_spans(tags, scheme)}
        for start, first in ends.items():
            for length in lengths.get(tokens[start], ()):
                end = start + length
                if end <= first or not (end == len(tokens) or end in ends) or UNKNOWN_TAG in tags[start:end]:
                    continue
                ways = words.get(_SIGN.join(tokens[start:end]))
                if ways is not None:
                    ways.add(_CUT, lines[start])


def _is_odd(ways: _Ways, least: int, share: float) -> bool:
    """Say whether words are nearly always labelled one way, but not always."""
    if len(ways.found) < 2:
        return False
    most = max(places[0] for places in ways.found.values())
    return most >= least and ways.times - most <= share * ways.times


def _tell(text: str, ways: _Ways, task: Task) -> Iterator[tuple[int, str]]:
    """Yield each rare way with its first line."""
    usual = max(ways.found, key=lambda way: ways.found[way][0])
    count, *places = ways.found[usual]
    for way, (times, line, *others) in ways.found.items():
        if way == usual:
            continue
        more = f", and so in {_list(others, times - 1)}" if others else ""
        elsewhere = f"{_name(usual, task)} {count_of(count, 'time')} (first: line {places[0]})"
        yield line, f"{text!r} is {_name(way, task)} here{more}; {elsewhere}"


def _list(lines: Sequence[int], count: int) -> str:
    listed = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
    return listed if count <= len(lines) else f"{listed} and {count - len(lines)} more"


def _name(way: str, task: Task) -> str:
    if way == _OUTSIDE:
        return "not labelled"
    if way == _CUT:
        return "cut into several words"
    return way or ("one word" if task.cuts_words else name_type(way))
