"""Running text -> sentences with exact offsets, in linear time, in bounded memory, as the text arrives.

Text falls into blocks at paragraph breaks (`lines`); a block is cut in pieces of bounded size (`boundaries`). Where a
boundary falls depends on the text alone, not on the sizes in which it arrives, nor on its pauses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from tagger.text.tokenizer.abbreviations import find_abbreviations
from tagger.text.tokenizer.boundaries import split_piece
from tagger.text.tokenizer.conventions import CJK
from tagger.text.tokenizer.lines import LARGEST_PIECE, LINE_BREAKS, ParagraphEnd, ends_sentence, find_end

# sentencex takes milliseconds on a piece of any kind, and minutes on 200,000 characters of some.
# A word longer than a piece stays whole up to this many characters: the memory that one word may take.
_LARGEST_WORD = 1 << 21
_FED_AT_ONCE = 1 << 16
_VISIBLE = re.compile(r"\S")
_LAST_WORD = re.compile(r"\S*$")
_LETTER = re.compile(r"\w")
_ITEM = re.compile(
    rf"(?:^|[{LINE_BREAKS}])\s*\d{{1,3}}\.(?=\s|$)"
)  # of a list: sentencex looks for the next one
_ANY_LINE = "\nXx xxxxxx"  # it begins with a capital

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

    `feed` returns the sentences that are complete; the last paragraph waits for its end. `pause` returns those of it
    that no text to come can change, for a reader who should not be kept waiting; `flush` returns all that waits, at
    the end of a document. The sentences, laid at their offsets, hold every character of the document but white space.

    Args:
        language: a code such as "de", which chooses a list of abbreviations.
        known: words of other languages that the text's corpus writes with a full stop.
        joins_lines: lines are wrapped: a blank one alone ends a paragraph.
    """

    def __init__(
        self, language: str = "en", known: frozenset[str] = frozenset(), *, joins_lines: bool = False
    ) -> None:
        self._abbreviations = find_abbreviations(language, known)
        self._joins_lines = joins_lines
        self._waiting = ""
        self._offset = 0  # of `_waiting` in the document
        self._column = 0  # of `_waiting` in its line
        self._answered = (
            0  # up to where in the document sentences were returned: beyond `_offset` after a pause
        )

    def feed(self, text: str) -> list[Located]:
        """Take the next piece of the document and return the sentences it completes."""
        self._waiting += text
        return self._take(is_last=False)

    def flush(self) -> list[Located]:
        """Return the sentences that are waiting, taking the document to end here."""
        return self._take(is_last=True)

    def pause(self) -> list[Located]:
        """Return the sentences that are complete, whatever follows, though their paragraph has no end yet.

        A sentence is, if a whole word of the next one is there; or if it ends its line with a mark at which the next
        line, beginning with a capital, would be another one.
        """
        text = self._waiting
        visible = _VISIBLE.search(text)
        if visible is None:
            return []
        reach = self._find_end(text, visible.start(), is_last=False)
        if reach.end is not None or reach.settled - visible.start() > LARGEST_PIECE:
            return []  # a word, or a sentence, of more than a piece
        line = text[: reach.settled].rstrip()
        gap = text[len(line) :]
        whole = _LAST_WORD.sub("", text[: reach.settled])
        if ends_sentence(line) and gap.isspace() and set(LINE_BREAKS) & set(gap):
            whole = line + _ANY_LINE
            if self._find_end(whole, visible.start(), is_last=True).end == len(line):
                return list(self._locate(line, self._offset, split_piece(line, self._abbreviations)))
        spans = split_piece(whole, self._abbreviations)
        while spans and not _LETTER.search(whole, spans.pop()[0]):
            pass  # a dash, or dots, say nothing of the sentence before
        item = _ITEM.search(whole)
        complete = takewhile(lambda span: item is None or span[1] <= item.start(), spans)
        return list(self._locate(text, self._offset, complete))

    def _find_end(self, text: str, at: int, *, is_last: bool) -> ParagraphEnd:
        return find_end(
            text,
            at,
            self._column,
            is_last=is_last,
            joins_lines=self._joins_lines,
            titles=self._abbreviations.before_others,
        )

    def _locate(self, text: str, origin: int, spans: Iterable[tuple[int, int]]) -> Iterator[Located]:
        """Yield the sentences at these places of a text that starts at `origin`, each once."""
        for start, end in spans:
            first = max(start, self._answered - origin)
            if first < end:
                self._answered = origin + end
                yield Located(origin + first, text[first:end])

    def _take(self, *, is_last: bool) -> list[Located]:
        text = self._waiting
        found: list[Located] = []
        marks = [mark for mark in LINE_BREAKS if mark in text]
        at = 0
        while (visible := _VISIBLE.search(text, at)) is not None:
            at = self._move(text, at, visible.start(), marks)
            end = self._find_end(text, at, is_last=is_last).end
            if end is None:
                break
            spans = split_piece(text[at : min(end, at + LARGEST_PIECE)], self._abbreviations)
            if end > at + LARGEST_PIECE and len(spans) > 1:  # the last one goes on beyond the piece
                end = at + spans.pop()[0]
            elif end > at + LARGEST_PIECE:
                cut = _cut_within_sentence(text, at, is_last=is_last)
                if cut is None:
                    break
                end, spans = cut, [(0, len(text[at:cut].rstrip()))]
            origin = self._offset + at
            if self._answered > origin:  # a pause has answered some of them
                found.extend(self._locate(text[at:end], origin, spans))
            else:
                found.extend(Located(origin + first, text[at + first : at + last]) for first, last in spans)
            at = self._move(text, at, end, marks)
        else:
            at = self._move(text, at, len(text), marks)
        self._waiting = text[at:]
        self._offset += at
        return found

    def _move(self, text: str, start: int, end: int, marks: Sequence[str]) -> int:
        """Pass over `text[start:end]`, keep count of the column, and return `end`; `marks` break its lines."""
        line_start = max([text.rfind(mark, start, end) for mark in marks], default=-1)
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


def _cut_within_sentence(text: str, at: int, *, is_last: bool) -> int | None:
    """Return where to cut a sentence that fills more than a piece, or None if only more text can tell."""
    limit = at + LARGEST_PIECE
    for pattern in _CUTS:
        if match := pattern.match(text, at, limit):
            return match.end()
    longest = at + _LARGEST_WORD
    if match := _AFTER_WORD.search(text, limit, longest):
        return match.start()
    return min(len(text), longest) if is_last or len(text) >= longest else None
