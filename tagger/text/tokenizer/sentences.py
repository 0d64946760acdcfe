"""Running text -> sentences with exact offsets, in linear time, in bounded memory, as the text arrives.

Text falls into blocks at paragraph breaks; a block goes to sentencex (rules and abbreviations, written in Rust) in
pieces of bounded size, after one small rule for Chinese and Japanese. Brackets and quotation marks are blanked for
sentencex: it would keep what they enclose in one sentence, however long, and a mark that is never closed would
reach over all that follows. Where a boundary falls depends on the text alone, not on the sizes in which it
arrives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import sentencex

from tagger.text.tokenizer.conventions import CJK
from tagger.text.tokenizer.words import NEVER_LAST

# sentencex takes milliseconds on 5,000 characters of any kind, and minutes on 200,000 of some.
_LARGEST_PIECE = 5_000
# A word longer than a piece stays whole up to this many characters: the memory that one word may take.
_LARGEST_WORD = 1 << 21
# White space longer than this ends a paragraph, however few line breaks are in it.
_LARGEST_GAP = 1_000
_FED_AT_ONCE = 1 << 16
# How far the first visible characters of a line are looked at, to see whether it is the item of a list.
_LIST_MARK = 8

# A line break ends a paragraph unless an editor made it to fill lines: no shorter than this, no longer than that.
_SHORTEST_FILLED = 45
_LONGEST_FILLED = 120

_LINE_BREAKS = "\n\r\v\f\x85\u2028\u2029"
_LINE_BREAK = re.compile(f"\r\n|[{_LINE_BREAKS}]")
_VISIBLE = re.compile(r"\S")
_LIST_ITEM = re.compile(r"[-*•–—·▪►]\s|\(?(?:\d{1,3}|[a-z])\)\s|\d{1,3}\.\s")

# Blanked one for one before sentencex sees them; it panics on "B\u00a0!", so white space has to be a plain blank.
_BLANKED = re.compile('["“”«»„()\\[\\]\ud800-\udfff]|[^\\S \n]')
_CLOSERS = re.compile("[\"'”’»)\\]]{0,16}+")
_NO_END = re.compile(rf"(?<!\w)(?:{'|'.join(NEVER_LAST)})\.$")
_NO_END_BEFORE_NUMBER = re.compile(r"(?<!\w)(?:[Aa]rt|[Ff]ig|[Nn]o|[Cc]ap|[Ss]ec|p|[Vv]ol|Str)\.$")
_NO_END_BEFORE_SMALL = re.compile(r"(?<!\w)(?:[^\W\d_]{1,2}\.){2,4}$")
_LONGEST_ABBREVIATION = 12
_NUMBERED = re.compile(r"\s*(?:\d{1,3}|[a-z]|[ivxIVX]{1,5})\.")

_HAS_CJK = re.compile(f"[{CJK}]")
_CJK_CLOSERS = "[\"'”’」』）)】》〉\\]]"
_CJK_END = re.compile(  # a quotation that goes on with Japanese と or a comma is no end
    rf"(?:[。！？｡]|(?<=[{CJK}])[!?…])[。！？｡!?…]*+{_CJK_CLOSERS}{{0,16}}+(?!と|って|、|，)"
)
# Without one of these before white space there is nothing to ask sentencex.
_MAY_END = re.compile(r"[^\w\s,;:-]\s")

# Where a sentence longer than a piece is cut, best first: after a clause, at a blank, between two ideographs.
_CUTS = (
    re.compile(r"(?s).{2500,}[.!?;:,]['\")\]]{0,4}\s"),
    re.compile(r"(?s).{2500,}[，、；：]"),
    re.compile(r"(?s).+\s"),
    re.compile(rf"(?s).+[{CJK}](?=[{CJK}])"),
)
_AFTER_WORD = re.compile(rf"\s|(?<=[{CJK}])")


class Located(NamedTuple):
    """A sentence without the white space around it, and where it starts in its document, in code points."""

    start: int
    text: str


class SentenceSplitter:
    """Sentences of one document whose text arrives in pieces of any size.

    `feed` returns the sentences that are complete; the last paragraph waits for its end. `flush` returns what waits:
    at the end of a document, or when a pipe has gone quiet and its reader should not be kept waiting. The sentences,
    laid at their offsets, hold every character of the document but white space.

    Args:
        language: a code such as "de" that sentencex knows; it chooses a list of abbreviations.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self._waiting = ""
        self._offset = 0  # of `_waiting` in the document
        self._column = 0  # of `_waiting` in its line

    def feed(self, text: str) -> list[Located]:
        """Take the next piece of the document and return the sentences it completes."""
        self._waiting += text
        return self._take(is_last=False)

    def flush(self) -> list[Located]:
        """Return the sentences that are waiting, taking the document to end or pause here."""
        return self._take(is_last=True)

    def _take(self, *, is_last: bool) -> list[Located]:
        text = self._waiting
        found: list[Located] = []
        at = 0
        while (visible := _VISIBLE.search(text, at)) is not None:
            at = self._move(text, at, visible.start())
            end = _paragraph_end(text, at, self._column, is_last=is_last)
            if end is None:
                break
            spans = _split_piece(text[at : min(end, at + _LARGEST_PIECE)], self._language)
            if end > at + _LARGEST_PIECE and len(spans) > 1:  # the last one goes on beyond the piece
                end = at + spans.pop()[0]
            elif end > at + _LARGEST_PIECE:
                cut = _cut_within_sentence(text, at, is_last=is_last)
                if cut is None:
                    break
                end, spans = cut, [(0, len(text[at:cut].rstrip()))]
            origin = self._offset + at
            found.extend(Located(origin + first, text[at + first : at + last]) for first, last in spans)
            at = self._move(text, at, end)
        else:
            at = self._move(text, at, len(text))
        self._waiting = text[at:]
        self._offset += at
        return found

    def _move(self, text: str, start: int, end: int) -> int:
        """Pass over `text[start:end]`, keep count of the column, and return `end`."""
        line_start = max(text.rfind(mark, start, end) for mark in _LINE_BREAKS)
        self._column = end - line_start - 1 if line_start >= 0 else self._column + end - start
        return end


def split_sentences(text: str, language: str = "en") -> Iterator[tuple[int, int]]:
    """Yield the (start, end) of each sentence of a text, in code points, the white space around it left out.

    >>> list(split_sentences("Mr. Li left. He took the U.S. flag!"))
    [(0, 12), (13, 35)]
    """
    splitter = SentenceSplitter(language)
    for start in range(0, len(text), _FED_AT_ONCE):
        yield from _extents(splitter.feed(text[start : start + _FED_AT_ONCE]))
    yield from _extents(splitter.flush())


def stream_sentences(pieces: Iterable[str], language: str = "en") -> Iterator[Located]:
    """Yield the sentences of one document that comes in pieces, each as soon as its paragraph is complete."""
    splitter = SentenceSplitter(language)
    for piece in pieces:
        yield from splitter.feed(piece)
    yield from splitter.flush()


def _extents(sentences: list[Located]) -> Iterator[tuple[int, int]]:
    return ((sentence.start, sentence.start + len(sentence.text)) for sentence in sentences)


def _paragraph_end(text: str, at: int, column: int, *, is_last: bool) -> int | None:
    """Return where the paragraph that starts at `at` ends, or None if only more text can tell.

    A paragraph of more than a piece ends beyond it: where exactly is not looked for.
    """
    limit = at + _LARGEST_PIECE
    line_start, position = at - column, at
    while line_break := _LINE_BREAK.search(text, position, limit):
        end, gap_end = line_break.start(), line_break.start() + _LARGEST_GAP
        visible = _VISIBLE.search(text, end, gap_end)
        after = visible.start() if visible else min(len(text), gap_end)
        if after == gap_end or len(_LINE_BREAK.findall(text, end, after)) > 1:
            return end
        if len(text) < after + _LIST_MARK and not is_last:
            return None
        if visible is None or _is_deliberate(text, end - line_start, after):
            return end
        line_start, position = line_break.end(), after
    if len(text) >= limit:
        return limit + 1
    return len(text) if is_last else None


def _is_deliberate(text: str, length: int, after: int) -> bool:
    """Tell a line break that means something from one that keeps lines short.

    Args:
        length: of the line before the break.
        after: where the first visible character behind it stands.
    """
    if length > _LONGEST_FILLED or _LIST_ITEM.match(text, after):
        return True
    return length < _SHORTEST_FILLED and not text[after].islower()


def _split_piece(piece: str, language: str) -> list[tuple[int, int]]:
    """Return the (start, end) of the sentences of a piece of one paragraph."""
    ends: list[int] = []
    start = 0
    if not piece.isascii() and _HAS_CJK.search(piece):
        for match in _CJK_END.finditer(piece):
            ends.extend(_ends_within(piece, start, match.end(), language))
            ends.append(match.end())
            start = match.end()
    ends.extend(_ends_within(piece, start, len(piece), language))
    spans: list[tuple[int, int]] = []
    for first, end in pairwise([0, *ends, len(piece)]):
        if visible := _VISIBLE.search(piece, first, end):
            spans.append((visible.start(), first + len(piece[first:end].rstrip())))
    return spans


def _ends_within(piece: str, start: int, end: int, language: str) -> Iterator[int]:
    """Yield where sentencex ends a sentence inside `piece[start:end]`, mended where it is known to err."""
    if not _MAY_END.search(piece, start, end):
        return
    segment = piece[start:end]
    for boundary in sentencex.get_sentence_boundaries(language, _BLANKED.sub(" ", segment)):
        sentence = boundary["text"].rstrip()
        mark = boundary["start_index"] + len(sentence)
        if sentence and not _NUMBERED.fullmatch(sentence) and (closed := _end_at(segment, mark)):
            yield start + closed


def _end_at(text: str, mark: int) -> int | None:
    """Return the end of a sentence whose last mark stands before `mark`, or None if it goes on.

    It goes on where no blank follows; where a quotation closes and a small letter follows; and after "Mr.", "Nr. 5"
    and "EE.UU. y", whatever the language: sentencex knows the abbreviations of one language at a time.
    """
    closed = _end_of(_CLOSERS, text, mark)
    visible = _VISIBLE.search(text, closed)
    if visible is None or visible.start() == closed:
        return None
    following = visible[0]
    if closed > mark and following.islower():
        return None
    window = max(0, mark - _LONGEST_ABBREVIATION)
    goes_on = (
        _NO_END.search(text, window, mark)
        or (following.isdigit() and _NO_END_BEFORE_NUMBER.search(text, window, mark))
        or (following.islower() and _NO_END_BEFORE_SMALL.search(text, window, mark))
    )
    return None if goes_on else closed


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _cut_within_sentence(text: str, at: int, *, is_last: bool) -> int | None:
    """Return where to cut a sentence that fills more than a piece, or None if only more text can tell."""
    limit = at + _LARGEST_PIECE
    for pattern in _CUTS:
        if match := pattern.match(text, at, limit):
            return match.end()
    longest = at + _LARGEST_WORD
    if match := _AFTER_WORD.search(text, limit, longest):
        return match.start()
    return min(len(text), longest) if is_last or len(text) >= longest else None
