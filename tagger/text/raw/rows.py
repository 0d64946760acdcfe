"""What reading raw text yields, rows and pauses, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from tagger.errors import ConfigError
from tagger.text.files import FilePath, find_decoder

T = TypeVar("T")

INPUT_FORMATS = ("text", "lines", "tokens", "conll")
_ADVICE = "name the file's encoding with --encoding, or let --errors replace put U+FFFD in its place"


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
