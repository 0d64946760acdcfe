"""Files, folders and pipes -> passages: sentences at their places in a document, in bounded memory.

A passage holds the neighbouring sentences that have a say in each other's labels, counted from the beginning of a
document. In `lines` and `tokens` every line stands alone, so that an answer never waits for the next
line. Nothing here depends on how fast the input comes, except that a pipe that goes quiet ends a passage.
"""

from __future__ import annotations

import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from tagger.errors import ConfigError, DataError
from tagger.text.conll import Columns, read_sentences
from tagger.text.files import find_decoder, is_stdin, read_pieces
from tagger.text.raw import LONGEST_LINE
from tagger.text.tokenizer import Located, SentenceSplitter

T = TypeVar("T")
FilePath = str | os.PathLike[str]

_QUIET = 0.3  # seconds without input after which what waits is answered
_WAITING_PIECES = 16
_ADVICE = "name the file's encoding with --encoding, or let --errors replace put U+FFFD in its place"
_BLANKS = re.compile("[^ \t]+")  # a no-break space or U+3000 within a token belongs to it


class Row(NamedTuple):
    """One sentence of a document.

    Attributes:
        start: in the document, in code points.
        text: as the document has it.
        words: its tokens, where the input says what they are; else None.
        starts: where in `text` they start.
        columns: the values of each feature column, one a token.
    """

    start: int
    text: str
    words: list[str] | None = None
    starts: list[int] | None = None
    columns: tuple[tuple[str, ...], ...] = ()


class Passage(NamedTuple):
    """Neighbouring sentences of a document that have a say in each other's labels."""

    doc: str
    rows: list[Row]


class Quiet(NamedTuple):
    """The input is slow: what waits for company should be answered now.

    Attributes:
        is_pause: whether nothing came for a while, so that sentences and passages end here too.
    """

    is_pause: bool = True


Event = Passage | Quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are read.

    Attributes:
        format: one of `INPUT_FORMATS`.
        encoding: of the files; a byte-order mark is dropped.
        errors: what invalid bytes become: `strict` (an error with their offset) or `replace` (U+FFFD).
        language: code such as "de"; it chooses the abbreviations that end no sentence.
        scope: sentences in a passage.
        token_column: of column files.
        feature_columns: of column files, for a model that reads any.
    """

    format: str = "text"
    encoding: str = "utf-8"
    errors: str = "strict"
    language: str = "en"
    scope: int = 1
    token_column: int | str = 0
    feature_columns: tuple[int | str, ...] = ()


def read_passages(paths: Sequence[FilePath], reading: Reading) -> Iterator[Event]:
    """Yield what files hold, in their order; folders stand for all files inside, `-` for the standard input.

    Raises:
        ConfigError: there is no such format or encoding, or it has no columns for a model that reads some.
        DataError: a file can't be read or decoded.
    """
    if reading.format not in INPUT_FORMATS:
        raise ConfigError(
            f"found {reading.format!r}, expected one of {', '.join(INPUT_FORMATS)}", "--input-format"
        )
    if reading.feature_columns and reading.format != "conll":
        names = ", ".join(map(str, reading.feature_columns))
        raise ConfigError(
            f"found {reading.format}, expected conll: beside the tokens the model reads columns ({names}) "
            "that column files alone have",
            "--input-format",
        )
    if reading.errors not in ("strict", "replace"):
        raise ConfigError(f"found {reading.errors!r}, expected strict or replace", "--errors")
    find_decoder(reading.encoding, "--encoding")
    for path in find_files(paths):
        yield from INPUT_FORMATS[reading.format](path, reading)


def find_files(paths: Sequence[FilePath]) -> list[FilePath]:
    """Return the files that paths stand for: those inside folders in alphabetical order, hidden ones left out."""
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
            raise DataError("is a folder without files, expected some to label", path)
        found += inside
    return found


def split_text(doc: str, text: str, reading: Reading) -> Iterator[Passage]:
    """Yield the passages of one text that is at hand."""
    for event in _passages(doc, _text_rows([text], reading.language), reading.scope):
        assert isinstance(event, Passage)
        yield event


def _read_text(path: FilePath, reading: Reading) -> Iterator[Event]:
    rows = _text_rows(_attended(path, _pieces(path, reading)), reading.language)
    yield from _passages(_doc_name(path), rows, reading.scope)


def _read_lines(path: FilePath, reading: Reading) -> Iterator[Event]:
    for row in _line_rows(path, reading):
        if isinstance(row, Quiet):
            yield row
        elif stripped := row.text.strip():
            start = row.start + len(row.text) - len(row.text.lstrip())
            yield Passage(_doc_name(path), [Row(start, stripped)])


def _read_tokens(path: FilePath, reading: Reading) -> Iterator[Event]:
    for row in _line_rows(path, reading):
        if isinstance(row, Quiet):
            yield row
            continue
        found = list(_BLANKS.finditer(row.text.rstrip("\r")))
        if found:
            first, last = found[0].start(), found[-1].end()
            words, starts = [match[0] for match in found], [match.start() - first for match in found]
            yield Passage(_doc_name(path), [Row(row.start + first, row.text[first:last], words, starts)])


def _read_conll(path: FilePath, reading: Reading) -> Iterator[Event]:
    """Yield the sentences of a column file; its documents' texts are their tokens with a blank between them."""
    if reading.errors != "strict":
        raise ConfigError("column files are read strictly; leave --errors out", "--errors")
    columns = Columns(token=reading.token_column, tag=None, features=reading.feature_columns)
    sentences = read_sentences(path, columns=columns, encoding=reading.encoding)
    waiting: list[Row] = []
    document = offset = 0
    for sentence in _attended(path, sentences):
        if isinstance(sentence, Quiet):
            if waiting and sentence.is_pause:
                yield Passage(_doc_name(path, document), waiting)
                waiting = []
            yield sentence
            continue
        if waiting and (sentence.document != document or len(waiting) == reading.scope):
            yield Passage(_doc_name(path, document), waiting)
            waiting = []
        if sentence.document != document:
            document, offset = sentence.document, 0
        words = list(sentence.tokens)
        starts, at = [], 0
        for word in words:
            starts.append(at)
            at += len(word) + 1
        waiting.append(Row(offset, " ".join(words), words, starts, sentence.features))
        offset += at
    if waiting:
        yield Passage(_doc_name(path, document), waiting)


INPUT_FORMATS: dict[str, Callable[[FilePath, Reading], Iterator[Event]]] = {
    "text": _read_text,
    "lines": _read_lines,
    "tokens": _read_tokens,
    "conll": _read_conll,
}


def _doc_name(path: FilePath, document: int = 0) -> str:
    """Return the name of a document: its file as it was given, and its number where a file holds several."""
    return f"{os.fspath(path)}#{document}" if document else os.fspath(path)


def _passages(doc: str, rows: Iterable[Row | Quiet], scope: int) -> Iterator[Event]:
    waiting: list[Row] = []
    for row in rows:
        if isinstance(row, Row):
            waiting.append(row)
        if waiting and (row.is_pause if isinstance(row, Quiet) else len(waiting) == scope):
            yield Passage(doc, waiting)
            waiting = []
        if isinstance(row, Quiet):
            yield row
    if waiting:
        yield Passage(doc, waiting)


def _text_rows(pieces: Iterable[str | Quiet], language: str) -> Iterator[Row | Quiet]:
    splitter = SentenceSplitter(language)

    def rows(sentences: list[Located]) -> list[Row]:
        return [Row(sentence.start, sentence.text) for sentence in sentences]

    for piece in pieces:
        if isinstance(piece, Quiet):
            yield from rows(splitter.flush() if piece.is_pause else [])
            yield piece
        else:
            yield from rows(splitter.feed(piece))
    yield from rows(splitter.flush())


def _line_rows(path: FilePath, reading: Reading) -> Iterator[Row | Quiet]:
    """Yield the lines of a file without their ends; one longer than the limit comes in several."""
    waiting, offset = "", 0
    for piece in _attended(path, _pieces(path, reading)):
        if isinstance(piece, Quiet):
            yield piece  # a line that has no end yet goes on waiting for it
            continue
        *whole, waiting = (waiting + piece).split("\n")
        for line in whole:
            yield Row(offset, line)
            offset += len(line) + 1
        while len(waiting) > LONGEST_LINE:
            cut = max(waiting.rfind(mark, 1, LONGEST_LINE) for mark in " \t") + 1 or LONGEST_LINE
            yield Row(offset, waiting[:cut])
            offset, waiting = offset + cut, waiting[cut:]
    yield Row(offset, waiting)


def _pieces(path: FilePath, reading: Reading) -> Iterator[str]:
    pieces = read_pieces(path, reading.encoding, reading.errors, _ADVICE)
    return (piece.text for piece in pieces if piece.text)


def _attended(path: FilePath, items: Iterable[T]) -> Iterator[T | Quiet]:
    """Yield what a file holds, and `Quiet` whenever a pipe gives nothing for a while."""
    if not is_stdin(path) and Path(path).is_file():
        yield from items
    else:
        yield from watch(items)


def watch(items: Iterable[T]) -> Iterator[T | Quiet]:
    """Yield items as they come, and `Quiet` while they come slowly; another thread waits for them.

    Items that lie ready are never interrupted, so that fast input is treated like a file.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(_WAITING_PIECES)
    abandoned = threading.Event()

    def put(item: tuple[T | None, BaseException | None, bool]) -> None:
        while not abandoned.is_set():
            try:
                waiting.put(item, timeout=1.0)
                return
            except queue.Full:
                continue

    def pull(keep: object) -> None:
        try:
            for item in items:
                put((item, None, False))
                if abandoned.is_set():
                    return
        except BaseException as error:  # raised again where the items are used
            put((None, error, False))
        else:
            put((None, None, True))

    # The thread may be waiting for input for ever. It must not keep Python from ending, and it holds the standard
    # input so that ending Python doesn't try to close a stream that is being read.
    threading.Thread(target=pull, args=(sys.stdin,), name="tagger-input", daemon=True).start()
    try:
        answered = time.monotonic()
        while True:
            if waiting.empty() and time.monotonic() - answered > _QUIET:
                yield Quiet(is_pause=False)
                answered = time.monotonic()
            try:
                item, error, ended = waiting.get(timeout=_QUIET)
            except queue.Empty:
                yield Quiet()
                answered = time.monotonic()
                continue
            if error is not None:
                raise error
            if ended:
                return
            yield item  # type: ignore[misc]
    finally:
        abandoned.set()
