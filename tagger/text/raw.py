"""Raw text files -> sentences at their places: running text, a sentence a line, tokens between blanks, or columns.

Prediction and pretraining read the same way. Memory is bounded by the longest line, or by the tokenizer's bound on a
sentence. Input that comes slowly, from a pipe, may be interspersed with pauses (`passages` finds them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from tagger.errors import ConfigError, DataError
from tagger.text.conll import BlankTokens, Columns, read_sentences
from tagger.text.conll.source import BLANKS
from tagger.text.files import FilePath, find_decoder, is_stdin, read_pieces
from tagger.text.tokenizer import Located, Mode, SentenceSplitter, cut

T = TypeVar("T")
Words = tuple[str, ...]

LONGEST_LINE = (
    1 << 20
)  # characters: a longer line is cut here, so that a file without line ends stays bounded
_ADVICE = "name the file's encoding with --encoding, or let --errors replace put U+FFFD in its place"
_TOKEN = re.compile(f"[^{BLANKS}]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """How raw text is read.

    Attributes:
        format: one of `INPUT_FORMATS`.
        encoding: of the files.
        errors: what invalid bytes become: `strict` (an error) or `replace` (U+FFFD).
        language: of running text; its abbreviations end no sentence.
        token_column: of a column file.
        feature_columns: those to read beside the tokens of a column file.
        blank_tokens: what becomes of its rows whose token is nothing but blanks.
        advice: what the user may do about invalid bytes.

    Raises:
        ConfigError: there is no such format or encoding, or it has no columns where some are to be read.
    """

    format: str = "text"
    encoding: str = "utf-8"
    errors: str = "strict"
    language: str = "en"
    token_column: int | str = 0
    feature_columns: tuple[int | str, ...] = ()
    blank_tokens: BlankTokens = "error"
    advice: str = _ADVICE

    def __post_init__(self) -> None:
        if self.format not in INPUT_FORMATS:
            raise ConfigError(
                f"found {self.format!r}, expected one of {', '.join(INPUT_FORMATS)}", "--input-format"
            )
        if self.feature_columns and self.format != "conll":
            names = ", ".join(map(str, self.feature_columns))
            raise ConfigError(
                f"found {self.format}, expected conll: beside the tokens the model reads columns ({names}) "
                "that column files alone have",
                "--input-format",
            )
        if self.errors not in ("strict", "replace"):
            raise ConfigError(f"found {self.errors!r}, expected strict or replace", "--errors")
        if self.errors != "strict" and self.format == "conll":
            raise ConfigError("column files are read strictly; leave --errors out", "--errors")
        find_decoder(self.encoding, "--encoding")


class Row(NamedTuple):
    """One sentence of a document.

    Attributes:
        start: in the document, in code points.
        text: as the document has it.
        words: its tokens, where the input says what they are; else None.
        starts: where in `text` they start.
        columns: the values of each feature column, one a token.
        document: the number of the document in its file, from 0.
    """

    start: int
    text: str
    words: list[str] | None = None
    starts: list[int] | None = None
    columns: tuple[tuple[str, ...], ...] = ()
    document: int = 0


class Pause(NamedTuple):
    """The input is slow: what waits for company should be answered now.

    Attributes:
        ends_sentence: whether nothing came for a while, so that sentences end here too.
    """

    ends_sentence: bool = True


class Watch(Protocol):
    """Passes on what a file yields, and pauses where it comes slowly."""

    def __call__(self, path: FilePath, items: Iterable[T], /) -> Iterator[T | Pause]:
        """Yield the items as they come."""


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
    return INPUT_FORMATS[settings.format](path, settings, watch)


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
    columns = Columns(
        token=settings.token_column,
        tag=None,
        features=settings.feature_columns,
        blank_tokens=settings.blank_tokens,
    )
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


INPUT_FORMATS: dict[str, Callable[[FilePath, InputSettings, Watch], Iterator[Row | Pause]]] = {
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
