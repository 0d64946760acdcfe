"""What reading raw text yields, rows and pauses, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from tagger.errors import ConfigError, DataError
from tagger.text.conll import BlankTokens, KeptRows
from tagger.text.files import FilePath, find_decoder

T = TypeVar("T")
Note = Callable[[str], None]
Fault = Callable[[DataError], None]

AUTO = "auto"
INPUT_FORMATS = (AUTO, "text", "lines", "tokens", "segmented", "wordpos", "conll", "jsonl")
_ADVICE = "name the file's encoding with --encoding, or let --invalid-bytes replace put U+FFFD in its place"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """How raw text is read.

    Attributes:
        format: one of `INPUT_FORMATS`; `auto`: what a file's name and its beginning say (`recognition`).
        encoding: of the files.
        errors: what invalid bytes become: `strict` (an error) or `replace` (U+FFFD).
        language: of running text; its abbreviations end no sentence.
        known_abbreviations: words of any language that a model's corpus writes with a full stop.
        joins_lines: lines of running text are wrapped: a blank one alone ends a paragraph.
        token_column: of a column file.
        text_field: of a JSON object, the key that holds its text, dots between keys of nested objects; None: one
            of the usual ones.
        tags: of the model, which tell columns from running text.
        feature_columns: those to read beside the tokens of a column file.
        blank_tokens: what becomes of its rows whose token is nothing but blanks.
        cuts_words: the model cuts text into words itself: segmented text and words are text with blanks to it.
        reads_words: the model's tokens are words of a script without blanks: segmented text holds them.
        keeps_rows: keep the rows of CoNLL-U beside its sentences.
        tells_format: say what a file is taken for, where nobody said.
        advice: what the user may do about invalid bytes.

    Raises:
        ConfigError: there is no such format or encoding, or it has no columns where some are to be read.
    """

    format: str = AUTO
    encoding: str = "utf-8"
    errors: str = "strict"
    language: str = "en"
    known_abbreviations: frozenset[str] = frozenset()
    joins_lines: bool = False
    token_column: int | str = 0
    text_field: str | None = None
    tags: frozenset[str] = frozenset()
    feature_columns: tuple[int | str, ...] = ()
    blank_tokens: BlankTokens = "error"
    cuts_words: bool = False
    reads_words: bool = False
    keeps_rows: bool = False
    tells_format: bool = True
    advice: str = _ADVICE

    def __post_init__(self) -> None:
        if self.format not in INPUT_FORMATS:
            raise ConfigError(
                f"found {self.format!r}, expected one of {', '.join(INPUT_FORMATS)}", "--input-format"
            )
        if self.format != AUTO:
            self.check_format(self.format)
        if self.errors not in ("strict", "replace"):
            raise ConfigError(f"found {self.errors!r}, expected strict or replace", "--invalid-bytes")
        find_decoder(self.encoding, "--encoding")

    @property
    def is_by_line(self) -> bool:
        """Say whether every line is a text of its own, since the user says so."""
        return self.format in ("lines", "tokens", "segmented", "wordpos")

    def check_format(self, format: str) -> None:
        """Raise ConfigError where a format lacks what is to be read."""
        if self.feature_columns and format != "conll":
            names = ", ".join(map(str, self.feature_columns))
            raise ConfigError(
                f"found {format}, expected conll: beside the tokens the model reads columns ({names}) "
                "that column files alone have",
                "--input-format",
            )
        if self.text_field is not None and format != "jsonl":
            raise ConfigError(f"found {format}, expected jsonl, whose objects have fields", "--text-field")
        if self.errors != "strict" and format == "conll":
            raise ConfigError("column files are read strictly; leave this out", "--invalid-bytes")


class Row(NamedTuple):
    """One sentence of a document.

    Attributes:
        start: in the document, in code points.
        text: as the document has it.
        words: its tokens, where the input says what they are; else None.
        starts: where in `text` they start.
        columns: the values of each feature column, one a token.
        document: the number of the document in its file, from 0.
        doc: the name of the document, where the input gives it one.
        space: the white space behind it, as far as it has come. More of it comes as a row without text, and so does
            what stands in front of a document's first sentence: all texts and spaces, joined, are the document.
        rows: the rows of CoNLL-U that hold it, where they are to be kept.
    """

    start: int
    text: str
    words: list[str] | None = None
    starts: list[int] | None = None
    columns: tuple[tuple[str, ...], ...] = ()
    document: int = 0
    doc: str | None = None
    space: str = ""
    rows: KeptRows | None = None


class Pause(NamedTuple):
    """The input is slow: what waits for company should be answered now.

    Attributes:
        is_quiet: whether nothing came for a while, so that no more sentences of the same passage are waited for.
        is_typed: whether a person types the input, line by line, and waits for what becomes of each.
    """

    is_quiet: bool = True
    is_typed: bool = False


class Watch(Protocol):
    """Passes on what a file yields, and pauses where it comes slowly."""

    def __call__(self, path: FilePath, items: Iterable[T], /) -> Iterator[T | Pause]:
        """Yield the items as they come."""
