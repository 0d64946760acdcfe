"""The values that reading yields: which columns were asked for, and a sentence with its place in file and text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tagger.errors import ConfigError
from tagger.text.schemes import Task

CONLLU_COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
TAG_COLUMNS = ("UPOS", "XPOS")  # where `_` means that the tag is not known
UNSPECIFIED = "_"

Column = int | str
BlankTokens = Literal["error", "skip", "keep"]
Compounds = Literal["open", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns to read: counted from 0 (from the last: -1, -2), or by name in CoNLL-U (`FORM`, `UPOS`)
    and in a file whose first row names its columns.

    `MISC:NER` is the value of the key NER in the column MISC, `O` where a tag lacks it.

    The defaults mean FORM and UPOS in a file that is recognised as CoNLL-U. `tag=None`: the file has no tags.

    Args:
        blank_tokens: what becomes of a row whose token is nothing but blanks.
        tag_names: of tags that are numbers, in their order.
        task: what is made of words: `LABELS` of them, or characters whose tags say which words they make; None: what
            the file shows.
        compounds: what becomes of brackets around compound words on lines of words with tags: opened, or each kept
            as one word.
        lines: what lines of words the file holds, where somebody says so; None: what it shows.
    """

    token: Column = 0
    tag: Column | None = -1
    features: tuple[Column, ...] = ()
    blank_tokens: BlankTokens = "error"
    tag_names: tuple[str, ...] = ()
    task: Task | None = None
    compounds: Compounds = "open"
    lines: Literal["segmented", "wordpos"] | None = None

    @property
    def may_be_lines(self) -> bool:
        """Say whether lines of words would do: tags are wanted, and nobody said in which column of several."""
        return (self.token == 0 or isinstance(self.token, str)) and (
            self.tag == -1 or isinstance(self.tag, str)
        )

    @property
    def cuts_words(self) -> bool:
        """Say whether words become characters."""
        return self.task is not None and self.task.cuts_words


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


def parse_output_column(name: str) -> str:
    """Return a column of CoNLL-U that tags can be written in, by its name, as a user writes it.

    >>> parse_output_column("upos"), parse_output_column("-1"), parse_output_column("misc:NER")
    ('UPOS', 'MISC', 'MISC:NER')

    Raises:
        ConfigError: there is none, or it holds what a sentence is made of.
    """
    bare, colon, key = name.partition(":")
    column = parse_column(bare)
    if isinstance(column, int) and -len(CONLLU_COLUMNS) <= column < len(CONLLU_COLUMNS):
        column = CONLLU_COLUMNS[column]
    found = str(column).upper()
    if found not in CONLLU_COLUMNS[2:] or (colon and not key):
        known = f"one of {', '.join(CONLLU_COLUMNS[2:])}, or a key such as MISC:NER"
        raise ConfigError(f"found {name!r}, expected {known}", "output_column")
    return found + colon + key


@dataclass(frozen=True, slots=True, eq=False)
class SourceText:
    """A text as a file has it; the sentences that were cut from it share it.

    Two of them are never equal, whatever they say: a corpus may hold the same text twice.

    Args:
        text: untouched.
        name: of its document; None where the file does not say.
        start: where in its document it begins; None where the file does not say.
    """

    text: str
    name: str | None = None
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A sentence as a stretch of its source: offsets count code points of `source.text`.

    The excerpts of a text tile it: the white space behind a sentence belongs to it.

    Args:
        source: shared by all sentences of the text.
        start: of the sentence.
        end: of the sentence.
        tokens: (start, end) of each token; the words of a multiword token have the same.
        confidences: of (type, start, end), where the file gives them.
    """

    source: SourceText
    start: int
    end: int
    tokens: tuple[tuple[int, int], ...]
    confidences: Mapping[tuple[str, int, int], float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the stretch."""
        return self.source.text[self.start : self.end]


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
        excerpt: where it stands in a text, if the file has texts.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...] = ()
    line: int = 0
    document: int = 0
    features: tuple[tuple[str, ...], ...] = ()
    comments: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    excerpt: Excerpt | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def line_of(self, token: int) -> int:
        """Return the line of a token, counted from 1.

        >>> Sentence(("a", "b"), line=7).line_of(1)
        8
        """
        return self.lines[token] if self.lines else self.line + token
