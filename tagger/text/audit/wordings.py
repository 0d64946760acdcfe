"""Words that are labelled in several ways: `Real Madrid` ORG everywhere but once, where it is LOC, or nothing.

Some names are several things, and many words have several parts of speech. So only what goes against nearly all other
occurrences is told: where at least three are labelled one way, and no more than a quarter otherwise; where every
token has a label, at least twenty, and no more than one in fifty. A word of a segmented text is held against the
places where its characters are cut.

The file is read twice more: once for the spans, once for the same tokens outside of any. Of tokens digests are kept,
and of each way to label them how often it occurs and the first lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike

from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.audit.labels import LabelStore, digest_of
from tagger.text.conll.reader import ColumnReader
from tagger.text.conll.sentence import Columns
from tagger.text.counting import count_of
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme, Span, Task, name_type

_LINES = 5  # of a way to label words that are told
_OUTSIDE, _CUT = "\0outside", "\0cut"  # no type: the words are labelled nowhere, or cut into several
_LONGEST = 12  # tokens: longer names don't come again


class _Ways:
    """In which ways the same words are labelled: how often each, and in which lines first."""

    __slots__ = ("found", "text")

    def __init__(self) -> None:
        self.found: dict[str, list[int]] = {}  # way -> how often, first lines
        self.text = ""  # once they are to be told

    def add(self, way: str, line: int) -> None:
        places = self.found.setdefault(way, [0])
        places[0] += 1
        if len(places) <= _LINES:
            places.append(line)


def find_wordings(
    path: str | PathLike[str], columns: Columns, encoding: str, labels: LabelStore, scheme: Scheme, task: Task
) -> Iterator[tuple[int, str]]:
    """Yield the line of each rare way to label words, and what is odd about it, in the order of their lines.

    Args:
        path: the file, which can be read again.
        columns, encoding: as it was read.
        labels: what was read of it, in the same order.
        scheme: of the tags in `labels`.
        task: what they are about.
    """
    reading = _Reading(path, columns, encoding, labels, scheme)
    least, share = (20, 0.02) if scheme is Scheme.BARE else (3, 0.25)
    words: dict[int, _Ways] = {}
    lengths: dict[str, set[int]] = {}
    for tokens, tags, lines in reading:
        for type_, start, end in schemes.labels_of(tags, scheme):
            if _is_asked_for(start, end, task):
                words.setdefault(digest_of(tokens[start:end]), _Ways()).add(type_, lines[start])
                lengths.setdefault(tokens[start], set()).add(end - start)
    if scheme is not Scheme.BARE:
        _add_others(reading, words, lengths, task, least)
    odd = {digest: ways for digest, ways in words.items() if _is_odd(ways, least, share)}
    if odd:
        _spell(reading, odd, scheme, task)
    told = [each for ways in odd.values() for each in _tell(ways, task)]
    yield from sorted(told)


class _Reading:
    """The sentences of a file read anew: tokens, tags as they were understood, lines."""

    def __init__(
        self, path: str | PathLike[str], columns: Columns, encoding: str, labels: LabelStore, scheme: Scheme
    ) -> None:
        self._path, self._columns, self._encoding = path, columns, encoding
        self._labels, self.scheme = labels, scheme

    def __iter__(self) -> Iterator[tuple[Sequence[str], Sequence[str], Sequence[int]]]:
        reader = ColumnReader(self._path, self._columns, self._encoding, on_fault=_overlook)
        for sentence, (tags, lines) in zip(reader, self._labels, strict=False):
            yield sentence.tokens, tags, lines


def _overlook(fault: DataError) -> None:
    """Say nothing of a row at fault, which was told."""


def _is_asked_for(start: int, end: int, task: Task) -> bool:
    """Say whether a span is worth holding against others; a character that is a word is one everywhere else, too."""
    return end - start <= _LONGEST and (not task.cuts_words or end - start > 1)


def _add_others(
    reading: _Reading, words: dict[int, _Ways], lengths: dict[str, set[int]], task: Task, least: int
) -> None:
    """Add the places where words that are labelled often aren't; `lengths` of spans, by their first token."""
    for tokens, tags, lines in reading:
        if lengths.keys().isdisjoint(tokens):
            continue
        spans = schemes.labels_of(tags, reading.scheme)
        starts, same = {span.start for span in spans}, {(span.start, span.end) for span in spans}
        for start, token in enumerate(tokens):
            for length in lengths.get(token, ()):
                end = start + length
                if end > len(tokens) or (start, end) in same:
                    continue
                way = _CUT if task.cuts_words else _OUTSIDE
                fits = (
                    start in starts
                    and (end == len(tokens) or end in starts)
                    and UNKNOWN_TAG not in tags[start:end]
                    if task.cuts_words
                    else all(tag == OUTSIDE for tag in tags[start:end])
                )
                ways = words.get(digest_of(tokens[start:end])) if fits else None
                if ways is not None and _is_frequent(ways, least):
                    ways.add(way, lines[start])


def _is_frequent(ways: _Ways, least: int) -> bool:
    return sum(places[0] for places in ways.found.values()) >= least


def _is_odd(ways: _Ways, least: int, share: float) -> bool:
    """Say whether words are nearly always labelled one way, but not always."""
    counts = sorted(places[0] for places in ways.found.values())
    return len(counts) > 1 and counts[-1] >= least and sum(counts[:-1]) <= share * sum(counts)


def _spell(reading: _Reading, odd: dict[int, _Ways], scheme: Scheme, task: Task) -> None:
    """Find out which words those are that are to be told."""
    left = len(odd)
    for tokens, tags, _ in reading:
        spans: list[Span] = schemes.labels_of(tags, scheme)
        for _, start, end in spans:
            ways = odd.get(digest_of(tokens[start:end])) if _is_asked_for(start, end, task) else None
            if ways is not None and not ways.text:
                ways.text = ("" if task.cuts_words else " ").join(tokens[start:end])
                left -= 1
        if not left:
            return


def _tell(ways: _Ways, task: Task) -> Iterator[tuple[int, str]]:
    """Yield each rare way with its first line."""
    usual = max(ways.found, key=lambda way: ways.found[way][0])
    count, *places = ways.found[usual]
    for way, (times, line, *others) in ways.found.items():
        if way == usual:
            continue
        more = f", and so in {_list(others, times - 1)}" if others else ""
        elsewhere = f"{_name(usual, task)} {count_of(count, 'time')} (first: line {places[0]})"
        yield line, f"{ways.text!r} is {_name(way, task)} here{more}; {elsewhere}"


def _list(lines: Sequence[int], count: int) -> str:
    listed = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
    return listed if count <= len(lines) else f"{listed} and {count - len(lines)} more"


def _name(way: str, task: Task) -> str:
    if way == _OUTSIDE:
        return "not labelled"
    if way == _CUT:
        return "cut into several words"
    return way or ("one word" if task.cuts_words else name_type(way))
