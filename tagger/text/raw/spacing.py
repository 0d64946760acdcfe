"""Running text and lines, as they come in pieces -> rows, with the white space behind each.

The rows of a document, texts and spaces joined, are the document. White space is given out as soon as it is there,
behind a sentence or in a row without text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tagger.text.conll.source import BLANKS
from tagger.text.raw.rows import InputSettings, Pause, Row
from tagger.text.tokenizer import Located, SentenceSplitter

LONGEST_LINE = (
    1 << 20
)  # characters: a longer line is cut here, so that a file without line ends stays bounded
_LINE_END = re.compile("\r\n|[\r\n]")
_VISIBLE = re.compile(r"\S")


def split_rows(pieces: Iterable[str | Pause], settings: InputSettings) -> Iterator[Row | Pause]:
    """Yield the sentences of one document that comes in pieces of running text."""
    splitter = SentenceSplitter(
        settings.language, settings.known_abbreviations, joins_lines=settings.joins_lines
    )

    spacing = _Spacing()
    for piece in pieces:
        if isinstance(piece, Pause):
            if piece.is_quiet:
                yield from spacing.place(splitter.flush() if piece.is_typed else splitter.pause())
            yield piece
        else:
            spacing.feed(piece)
            yield from spacing.place(splitter.feed(piece))
    yield from spacing.place(splitter.flush())


class _Spacing:
    """The white space between the sentences of one document, which comes in pieces.

    It is given out as soon as it is there, behind a sentence or in a row of its own: so what is written of it doesn't
    depend on the pieces, and memory is bounded by what a splitter holds back.
    """

    def __init__(self) -> None:
        self._text = ""  # what no row has yet
        self._offset = 0  # of that in the document

    def feed(self, text: str) -> None:
        """Take the next piece of the document."""
        self._text += text

    def place(self, sentences: Iterable[Located]) -> Iterator[Row]:
        """Yield the next sentences with the white space behind them, and white space that has come since."""
        text, offset, at = self._text, self._offset, 0
        for start, sentence in sentences:
            if start > offset + at:
                yield Row(offset + at, "", space=text[at : start - offset])
            end = start - offset + len(sentence)
            at = _find_visible(text, end)
            yield Row(start, sentence, space=text[end:at])
        following = _find_visible(text, at)
        if following > at:
            yield Row(offset + at, "", space=text[at:following])
        self._text, self._offset = text[following:], offset + following


def _find_visible(text: str, at: int) -> int:
    """Return where the next character stands that is no white space, or the end of the text."""
    visible = _VISIBLE.search(text, at)
    return visible.start() if visible else len(text)


def cut_lines(pieces: Iterable[str | Pause]) -> Iterator[Row | Pause]:
    r"""Yield lines with their ends in `space`; one longer than the limit comes in several.

    A lone `\r` ends a line, as in column files; so `\r\n`, cut apart by a pause, ends one and an empty one.
    """
    waiting, offset = "", 0
    for piece in pieces:
        if isinstance(piece, Pause):
            yield piece  # a line that has no end yet goes on waiting for it
            continue
        piece = waiting + piece
        at = 0
        for line_end in _LINE_END.finditer(piece):
            yield Row(offset + at, piece[at : line_end.start()], space=line_end[0])
            at = line_end.end()
        offset, waiting = offset + at, piece[at:]
        while len(waiting) > LONGEST_LINE:
            end = max(waiting.rfind(blank, 1, LONGEST_LINE) for blank in BLANKS) + 1 or LONGEST_LINE
            yield Row(offset, waiting[:end])
            offset, waiting = offset + end, waiting[end:]
    yield Row(offset, waiting)


def place_line(
    line: Row, first: int, last: int, words: list[str] | None = None, starts: list[int] | None = None
) -> Iterator[Row]:
    """Yield a line without the white space around it, and that in front of it and behind."""
    text, start = line.text, line.start
    if first < last:
        if first:
            yield Row(start, "", space=text[:first])
        yield Row(start + first, text[first:last], words, starts, space=text[last:] + line.space)
    elif text or line.space:
        yield Row(start, "", space=text + line.space)
