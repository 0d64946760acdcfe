"""The layout of a column file: separator, number of columns, CoNLL-U or not, and where the wanted columns are.

The rows of the first sentence show it (`evidence`); `reader` holds every later row to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text.conll.sentence import CONLLU_COLUMNS, TAG_COLUMNS, UNSPECIFIED, Column, Columns
from tagger.text.counting import count_of
from tagger.text.schemes import OUTSIDE

CONLLU_ID = re.compile(r"[0-9]+(-[0-9]+|\.[0-9]+)?")  # a token, a multiword token, an empty node


TOKEN_NAMES = ("token", "tokens", "word", "words", "form", "surface", "text", "wort")
TAG_NAMES = (
    *("tag", "tags", "label", "labels", "pos", "upos", "xpos", "chunk", "gold", "class"),
    *("ne", "ner", "entity", "entities", "iob", "iob1", "iob2", "bio", "bioes", "bilou", "bmes"),
)
_SENTENCE_NAMES = ("sentence #", "sentence", "sentence_id", "sentence id", "sent_id", "sent", "sentence_idx")
_OTHER_NAMES = ("misc", "comment", "comments", "lemma", "feats", "head", "deprel", "deps", "render", "phon")
_ENTITY_PREFIXES = ("ne-", "ne_", "ner-", "ner_")  # as in NE-COARSE-LIT of HIPE, ner_tags


class MissingColumnError(DataError):
    """A column that was asked for is not in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Columns are counted from 0; `line` is the row that showed it.

    Attributes:
        names: of the columns, where a row above the first token or CoNLL-U tells them, else empty.
        header: that row, else empty.
        is_ragged: whether rows may have other columns behind those that are wanted, which are counted from the front.
        has_index: whether the first column numbers the tokens, so that no row of a token begins with `#`.
    """

    separator: str
    width: int
    line: int
    is_conllu: bool
    names: tuple[str, ...] = ()
    header: str = ""
    is_ragged: bool = False
    has_index: bool = False
    token: int
    tag: int | None
    wanted: tuple[int, ...]  # token, tag if any, features
    keys: tuple[str, ...]  # for each of them, the key whose value is wanted (`MISC:NER`), else empty
    has_keys: bool

    def with_tag(self, column: str) -> Layout:
        """Return this layout of CoNLL-U with the tag in another column, or under another key of one."""
        name, _, key = column.partition(":")
        return replace(self, tag=CONLLU_COLUMNS.index(name.upper()), keys=(self.keys[0], key, *self.keys[2:]))

    @property
    def is_spreadsheet(self) -> bool:
        """Say whether the file is CSV."""
        return self.separator in ",;" or find_sentence_column(self.names) is not None

    @property
    def may_lack_tags(self) -> bool:
        """Say whether `_` in the tag column means that the tag is not known."""
        return self.is_conllu and self.tag is not None and self.names[self.tag] in TAG_COLUMNS

    def name_of(self, column: int) -> str:
        """Return what a column holds, for messages."""
        if column == self.token:
            return "token"
        return "tag" if column == self.tag else "feature"


def split_row(row: str, separator: str) -> list[str]:
    """Split on every tab, or on runs of spaces.

    >>> split_row("a  b", " ")
    ['a', 'b']
    """
    fields = row.split(separator)
    return fields if separator == "\t" else [field for field in fields if field]


class DataRow(NamedTuple):
    """A row that is neither comment nor document boundary, its fields, and its line counted from 1."""

    line: int
    row: str
    fields: list[str]


def find_layout(
    rows: Sequence[DataRow], separator: str, wanted: Columns, name: str, names: tuple[str, ...] = ()
) -> Layout:
    """Return the layout of a file from its first rows of tokens, above which may stand one of names.

    Args:
        rows: at least one.
        separator: of their fields.
        wanted: the columns asked for.
        name: of the file, for messages.
        names: of the columns, where a comment tells them (CoNLL-U Plus).
    """
    header = find_names(rows[0].fields)
    line, row, fields = rows[min(len(rows) - 1, bool(header))]
    width = len(fields)
    is_conllu = separator == "\t" and bool(CONLLU_ID.fullmatch(fields[0]))
    is_conllu &= len(names) == width if names else width == len(CONLLU_COLUMNS)
    if header:  # a row of names may be shorter than those below it
        header += tuple(str(place) for place in range(len(header), width))
    names = (names or CONLLU_COLUMNS) if is_conllu else header
    token, tag = _choose_columns(wanted, names, is_conllu)

    chosen = (token, *(() if tag is None else (tag,)), *wanted.features)
    places = tuple(_place(column, width, names, is_conllu, name, line) for column in chosen)
    token_place, tag_place = places[0], None if tag is None else places[1]
    if token_place == tag_place:
        found = f"found {count_of(width, 'column')}, and column {token_place} would be both token and tag"
        if width == 1 and any(mark in row for mark in ",;"):
            found = f"found CSV (fields between commas); name the file .csv, or write tabs: {found[6:]}"
        raise MissingColumnError(
            f"{found}; expected a column for each, separated by a tab or spaces", name, line
        )
    keys = tuple(str(column).partition(":")[2] if is_conllu else "" for column in chosen)
    from_front = all(isinstance(column, str) or column >= 0 for column in chosen)
    return Layout(
        separator=separator,
        width=width,
        line=line,
        is_conllu=is_conllu,
        names=names,
        header=rows[0].row if header else "",
        is_ragged=from_front and max(places) > 0 and not is_conllu and separator in "\t ",
        has_index=_counts_up(rows[bool(header) :], token_place),
        token=token_place,
        tag=tag_place,
        wanted=places,
        keys=keys,
        has_keys=any(keys),
    )


def find_names(fields: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns if these are some: one of a token, and one of a tag. `#` may stand in front.

    >>> find_names(["TOKEN", "NE-COARSE-LIT", "MISC"]), find_names(["#word", "BIO-tag"]), find_names(["Word", "O"])
    (('TOKEN', 'NE-COARSE-LIT', 'MISC'), ('word', 'BIO-tag'), ())
    """
    names = (fields[0].lstrip("# "), *fields[1:])
    has_token = any(name.casefold() in TOKEN_NAMES for name in names)
    return names if has_token and any(map(_names_tag, names)) else ()


def find_sentence_column(names: Sequence[str]) -> int | None:
    """Return the place of the column that numbers sentences, as `Sentence #` of Kaggle, if there is one."""
    return next((place for place, name in enumerate(names) if name.casefold() in _SENTENCE_NAMES), None)


def _counts_up(rows: Sequence[DataRow], token: int) -> bool:
    """Say whether the first column numbers the tokens; if it was asked for as the token, there must be two."""
    first = [each.fields[0] for each in rows]
    if not all(field.isdecimal() and len(field) < 10 for field in first):
        return False
    numbers = [int(field) for field in first]
    return token > 0 or (len(rows) > 1 and numbers == list(range(numbers[0], numbers[0] + len(rows))))


def _names_tag(name: str) -> bool:
    """Say whether a word of a column's name tells of tags; `B-tag` is one itself."""
    words = re.split("[-_ ]", name.casefold())
    is_tag = len(words) == 2 and len(words[0]) == 1
    return not is_tag and any(word in TAG_NAMES for word in words)


def _choose_columns(wanted: Columns, names: tuple[str, ...], is_conllu: bool) -> tuple[Column, Column | None]:
    """Return the columns of token and tag: where the defaults stand, those that names suggest."""
    token, tag = wanted.token, wanted.tag
    if token == 0 and names:
        token = next((each for each in names if each.casefold() in TOKEN_NAMES), 0)
    if tag == -1 and names:
        entity = [each for each in names if each.casefold().startswith(_ENTITY_PREFIXES)]
        if is_conllu:
            tag = "UPOS" if "UPOS" in names else -1
        elif names[-1].casefold() in _OTHER_NAMES:
            tag = next(iter(entity or filter(_names_tag, names)))
    return token, tag


def value_of(field: str, key: str, default: str) -> str:
    """Return the value of a key in a field of CoNLL-U.

    >>> value_of("NER=B-PER|SpaceAfter=No", "NER", "O")
    'B-PER'
    """
    for pair in field.split("|"):
        name, _, value = pair.partition("=")
        if name == key and value:
            return value
    return default


def look_up_keys(columns: Sequence[tuple[str, ...]], layout: Layout) -> list[tuple[str, ...]]:
    """Replace a field by the value of the key asked for: `O` where a tag lacks it, `_` elsewhere."""
    defaults = [OUTSIDE if place == layout.tag else UNSPECIFIED for place in layout.wanted]
    return [
        tuple(value_of(field, key, default) for field in column) if key else column
        for column, key, default in zip(columns, layout.keys, defaults, strict=True)
    ]


def _place(column: Column, width: int, names: tuple[str, ...], is_conllu: bool, name: str, line: int) -> int:
    """Return the column counted from 0."""
    if isinstance(column, str):
        bare = column.partition(":")[0] if is_conllu else column
        known = [each.casefold() for each in names[:width]]
        if bare.casefold() in known:
            return known.index(bare.casefold())
        expected = f"one of {', '.join(names)}" if names else "a number; only CoNLL-U names its columns"
        raise MissingColumnError(f"found no column {column!r}, expected {expected}", name, line)
    if not -width <= column < width:
        expected = f"expected a column {column} (the first is 0, the last is -1)"
        raise MissingColumnError(f"found {count_of(width, 'column')}, {expected}", name, line)
    return column % width
