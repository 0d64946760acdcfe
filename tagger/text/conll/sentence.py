"""The values that reading yields: which columns were asked for, and a sentence with its place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tagger.errors import ConfigError

CONLLU_COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
TAG_COLUMNS = ("UPOS", "XPOS")  # where `_` means that the tag is not known
UNSPECIFIED = "_"

Column = int | str
BlankTokens = Literal["error", "skip", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns to read: counted from 0 (from the last: -1, -2), or by name in CoNLL-U (`FORM`, `UPOS`)
    and in a file whose first row names its columns.

    `MISC:NER` is the value of the key NER in the column MISC, `O` where a tag lacks it.

    The defaults mean FORM and UPOS in a file that is recognised as CoNLL-U. `tag=None`: the file has no tags.

    Args:
        blank_tokens: what becomes of a row whose token is nothing but blanks.
        tag_names: of tags that are numbers, in their order.
    """

    token: Column = 0
    tag: Column | None = -1
    features: tuple[Column, ...] = ()
    blank_tokens: BlankTokens = "error"
    tag_names: tuple[str, ...] = ()


DEFAULT_COLUMNS = Columns()


def parse_column(name: str) -> Column:
    """Return a column as a user writes it: an index or a name.

    >>> parse_column("-1"), parse_column("FORM")
    (-1, 'FORM')
    """
    return int(name) if name.removeprefix("-").isdecimal() else name


def parse_names(names: str | None) -> tuple[str, ...]:
    """Return the names of tags as a user writes them.

    >>> parse_names("O, B-PER"), parse_names(None)
    (('O', 'B-PER'), ())

    Raises:
        ConfigError: one of them could not be written into a column.
    """
    if names is None:
        return ()
    found = tuple(name.strip() for name in names.split(","))
    for name in found:
        if len(name.split()) != 1:
            raise ConfigError(
                f"found the tag {name!r}, expected names without blanks, as in O,B-PER", "tag_names"
            )
    return found


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens, their tags, and where they stand.

    Args:
        tokens: never empty, and no token is empty.
        tags: one for each token, or `()` where no tag column was read.
        line: the line of the first token, counted from 1.
        document: counted from 0; `-DOCSTART-` and `# newdoc` begin the next.
        features: for each feature column asked for, one string for each token.
        comments: the lines above the sentence that begin with `#`, whole.
        lines: the line of each token, where they do not simply follow one another.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...] = ()
    line: int = 0
    document: int = 0
    features: tuple[tuple[str, ...], ...] = ()
    comments: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.tokens)

    def line_of(self, token: int) -> int:
        """Return the line of a token, counted from 1.

        >>> Sentence(("a", "b"), line=7).line_of(1)
        8
        """
        return self.lines[token] if self.lines else self.line + token
