"""Raw text files -> sentences of words, as a stream: running text, a sentence a line, or a column file.

Memory is bounded by the longest line, or by the tokenizer's bound on a sentence. Nothing here knows what the
words are for.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from os import PathLike

from tagger.errors import ConfigError, DataError
from tagger.text.conll import Columns, read_sentences
from tagger.text.conll.source import BLOCK, display_name, open_bytes
from tagger.text.tokenizer import Mode, cut, stream_sentences

Words = tuple[str, ...]
LONGEST_LINE = (
    1 << 20
)  # characters: a longer line is cut here, so that a file without line ends stays bounded
REMEDY = "save the file as UTF-8 or name its encoding with --encoding"
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
    for sentence in stream_sentences(read_pieces(path, encoding)):
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
        *whole, waiting = (waiting + piece).split("\n")
        yield from whole
        if len(waiting) > LONGEST_LINE:
            yield waiting
            waiting = ""
    yield waiting


def read_pieces(
    path: str | PathLike[str], encoding: str, errors: str = "strict", remedy: str = REMEDY
) -> Iterator[str]:
    """Yield the text of a file as it arrives, a byte-order mark at its start left out.

    Args:
        path: the file; gzip is unpacked, `-` is the standard input.
        encoding: of the file.
        errors: what invalid bytes become: `strict` (an error) or `replace` (U+FFFD).
        remedy: what the user may do about them.

    Raises:
        ConfigError: there is no such encoding.
        DataError: the file can't be read, or holds invalid bytes: at which line and offset.
    """
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors)
    except LookupError:
        found = f"found {encoding!r}, expected a text encoding such as utf-8"
        raise ConfigError(found, "text.encoding") from None
    lines, offset, is_first = 1, 0, True
    with open_bytes(path) as stream:
        while True:
            pending = len(decoder.getstate()[0])
            block = stream.read1(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                lines += error.object[: error.start].count(b"\n")
                found = f"byte {error.object[error.start]:#04x} at offset {offset - pending + error.start}"
                raise DataError(
                    f"{found} is not valid {encoding}; {remedy}", display_name(path), lines
                ) from None
            offset += len(block)
            lines += text.count("\n")
            if text:
                yield text.removeprefix("\ufeff") if is_first else text
                is_first = False
            if not block:
                return
