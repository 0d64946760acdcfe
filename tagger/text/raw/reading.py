"""Raw text files -> sentences at their places: running text, a sentence a line, tokens between blanks, or columns.

Prediction and pretraining read the same way. Memory is bounded by the longest line, or by the tokenizer's bound on a
sentence. Input that comes slowly, from a pipe, may be interspersed with pauses (`passages` finds them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tagger.errors import DataError
from tagger.text.conll import Columns, read_sentences
from tagger.text.conll.source import BLANKS
from tagger.text.files import FilePath, is_stdin, read_pieces
from tagger.text.raw.rows import InputSettings, Pause, Row, Watch
from tagger.text.tokenizer import Located, Mode, SentenceSplitter, cut

T = TypeVar("T")
Words = tuple[str, ...]

LONGEST_LINE = (
    1 << 20
)  # characters: a longer line is cut here, so that a file without line ends stays bounded
_TOKEN = re.compile(f"[^{BLANKS}]+")


def find_files(paths: Sequence[FilePath]) -> list[FilePath]:
    """Return the files that paths stand for: those inside folders in alphabetical order, hidden ones left out.

    Raises:
        DataError: a folder holds no file.
    """
    found: list[FilePath] = []
    for path in paths:
        if is_stdin(path) or not Path(path).is_dir():
            found.append(path)
            continue
        inside = [
            file
            for file in sorted(Path(path).rglob("*"))
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
        ]
        if not inside:
            raise DataError("is a folder without files, expected some with text", path)
        found += inside
    return found


def read_words(
    paths: Iterable[FilePath], settings: InputSettings, mode: Mode = Mode.WORDS
) -> Iterator[Words]:
    """Yield the tokens of the sentences of files one after the other; no sentence is empty.

    Args:
        paths: the files; gzip is unpacked.
        settings: how they are read.
        mode: what a token of running text and of lines is.

    Raises:
        DataError: a file can't be read or decoded.
    """
    for path in paths:
        for row in read_rows(path, settings):
            assert isinstance(row, Row)  # a file that nobody watches has no pauses
            words = cut(row.text, mode).words if row.words is None else row.words
            if words:
                yield tuple(words)


def _never_pause(path: FilePath, items: Iterable[T]) -> Iterator[T | Pause]:
    yield from items


def read_rows(path: FilePath, settings: InputSettings, watch: Watch = _never_pause) -> Iterator[Row | Pause]:
    """Yield the sentences of a file, and the pauses that `watch` finds in it.

    Raises:
        DataError: the file can't be read or decoded.
    """
    return _READERS[settings.format](path, settings, watch)


def split_rows(pieces: Iterable[str | Pause], language: str) -> Iterator[Row | Pause]:
    """Yield the sentences of one document that comes in pieces of running text."""
    splitter = SentenceSplitter(language)

    def rows(sentences: list[Located]) -> list[Row]:
        return [Row(sentence.start, sentence.text) for sentence in sentences]

    for piece in pieces:
        if isinstance(piece, Pause):
            yield from rows(splitter.flush() if piece.ends_sentence else [])
            yield piece
        else:
            yield from rows(splitter.feed(piece))
    yield from rows(splitter.flush())


def _read_text(path: FilePath, settings: InputSettings, watch: Watch) -> Iterator[Row | Pause]:
    return split_rows(watch(path, _texts(path, settings)), settings.language)


def _read_lines(path: FilePath, settings: InputSettings, watch: Watch) -> Iterator[Row | Pause]:
    for row in _cut_lines(watch(path, _texts(path, settings))):
        if isinstance(row, Pause):
            yield row
        elif stripped := row.text.strip():
            yield Row(row.start + len(row.text) - len(row.text.lstrip()), stripped)


def _read_tokens(path: FilePath, settings: InputSettings, watch: Watch) -> Iterator[Row | Pause]:
    for row in _cut_lines(watch(path, _texts(path, settings))):
        if isinstance(row, Pause):
            yield row
            continue
        found = list(_TOKEN.finditer(row.text.rstrip("\r")))
        if found:
            first, last = found[0].start(), found[-1].end()
            words, starts = [match[0] for match in found], [match.start() - first for match in found]
            yield Row(row.start + first, row.text[first:last], words, starts)


def _read_columns(path: FilePath, settings: InputSettings, watch: Watch) -> Iterator[Row | Pause]:
    """Yield the sentences of a column file; its documents' texts are their tokens with a blank between them."""
    columns = Columns(token=settings.token_column, tag=None, features=settings.feature_columns)
    document = offset = 0
    for sentence in watch(path, read_sentences(path, columns=columns, encoding=settings.encoding)):
        if isinstance(sentence, Pause):
            yield sentence
            continue
        if sentence.document != document:
            document, offset = sentence.document, 0
        words = list(sentence.tokens)
        starts, at = [], 0
        for word in words:
            starts.append(at)
            at += len(word) + 1
        yield Row(offset, " ".join(words), words, starts, sentence.features, document)
        offset += at


_READERS: dict[str, Callable[[FilePath, InputSettings, Watch], Iterator[Row | Pause]]] = {
    "text": _read_text,
    "lines": _read_lines,
    "tokens": _read_tokens,
    "conll": _read_columns,
}


def _cut_lines(pieces: Iterable[str | Pause]) -> Iterator[Row | Pause]:
    """Yield lines without their ends; one longer than the limit comes in several."""
    waiting, offset = "", 0
    for piece in pieces:
        if isinstance(piece, Pause):
            yield piece  # a line that has no end yet goes on waiting for it
            continue
        *whole, waiting = (waiting + piece).split("\n")
        for line in whole:
            yield Row(offset, line)
            offset += len(line) + 1
        while len(waiting) > LONGEST_LINE:
            end = max(waiting.rfind(blank, 1, LONGEST_LINE) for blank in BLANKS) + 1 or LONGEST_LINE
            yield Row(offset, waiting[:end])
            offset, waiting = offset + end, waiting[end:]
    yield Row(offset, waiting)


def _texts(path: FilePath, settings: InputSettings) -> Iterator[str]:
    pieces = read_pieces(path, settings.encoding, settings.errors, settings.advice)
    return (piece.text for piece in pieces if piece.text)
