"""Raw text files -> sentences of words, as a stream: running text, a sentence a line, or a column file.

Memory is bounded by the longest line, or by the tokenizer's bound on a sentence. Nothing here knows what the
words are for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from os import PathLike

from tagger.text.conll import Columns, read_sentences
from tagger.text.files import read_pieces
from tagger.text.tokenizer import Mode, cut, stream_sentences

Words = tuple[str, ...]
LONGEST_LINE = (
    1 << 20
)  # characters: a longer line is cut here, so that a file without line ends stays bounded
_BLANKS = re.compile("[ \t]+")  # a no-break space or U+3000 within a token belongs to it


def read_words(
    paths: Iterable[str | PathLike[str]],
    format: str = "text",
    mode: Mode = Mode.WORDS,
    encoding: str = "utf-8",
) -> Iterator[Words]:
    """Yield the sentences of files one after the other, none of them empty.

    Args:
        paths: the files; gzip is unpacked.
        format: `text` (running text), `lines` (a sentence a line), `tokens` (a line's tokens stand between
            blanks) or `conll` (the first column).
        mode: what a token of running text and of lines is.
        encoding: of the files.

    Raises:
        DataError: a file can't be read or decoded.
    """
    read = FORMATS[format]
    for path in paths:
        for words in read(path, mode, encoding):
            if words:
                yield words


def _read_text(path: str | PathLike[str], mode: Mode, encoding: str) -> Iterator[Words]:
    for sentence in stream_sentences(piece.text for piece in read_pieces(path, encoding)):
        yield tuple(cut(sentence.text, mode).words)


def _read_lines(path: str | PathLike[str], mode: Mode, encoding: str) -> Iterator[Words]:
    for line in _lines(path, encoding):
        yield tuple(cut(line, mode).words)


def _read_tokens(path: str | PathLike[str], mode: Mode, encoding: str) -> Iterator[Words]:
    for line in _lines(path, encoding):
        stripped = line.strip(" \t\r")
        if stripped:
            yield tuple(_BLANKS.split(stripped))


def _read_conll(path: str | PathLike[str], mode: Mode, encoding: str) -> Iterator[Words]:
    for sentence in read_sentences(path, columns=Columns(tag=None), encoding=encoding):
        yield sentence.tokens


FORMATS: dict[str, Callable[[str | PathLike[str], Mode, str], Iterator[Words]]] = {
    "text": _read_text,
    "lines": _read_lines,
    "tokens": _read_tokens,
    "conll": _read_conll,
}


def _lines(path: str | PathLike[str], encoding: str) -> Iterator[str]:
    waiting = ""
    for piece in read_pieces(path, encoding):
        *whole, waiting = (waiting + piece.text).split("\n")
        yield from whole
        if len(waiting) > LONGEST_LINE:
            yield waiting
            waiting = ""
    yield waiting
