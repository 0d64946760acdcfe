"""The layout of a column file: separator, number of columns, CoNLL-U or not, and where the wanted columns are.

The first data row shows it; `reader` holds every later row to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tagger.errors import DataError
from tagger.text.conll.sentence import CONLLU_COLUMNS, Column, Columns
from tagger.text.counting import count_of

CONLLU_ID = re.compile(r"[0-9]+(-[0-9]+|\.[0-9]+)?")  # a token, a multiword token, an empty node


class MissingColumnError(DataError):
    """A column that was asked for is not in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Columns are counted from 0; `line` is the row that showed it."""

    separator: str
    width: int
    line: int
    is_conllu: bool
    token: int
    tag: int | None
    wanted: tuple[int, ...]  # token, tag if any, features
    keys: tuple[str, ...]  # for each of them, the key whose value is wanted (`MISC:NER`), else empty
    has_keys: bool

    def with_tag(self, column: str) -> Layout:
        """Return this layout of CoNLL-U with the tag in another column, or under another key of one."""
        name, _, key = column.partition(":")
        return replace(self, tag=CONLLU_COLUMNS.index(name.upper()), keys=(self.keys[0], key, *self.keys[2:]))

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


def find_layout(row: str, wanted: Columns, name: str, line: int) -> Layout:
    """Return the layout of a file from its first data row: a row with a tab has its columns split at tabs only."""
    separator = "\t" if "\t" in row else " "
    fields = split_row(row, separator)
    width = len(fields)
    is_conllu = width == len(CONLLU_COLUMNS) and separator == "\t" and bool(CONLLU_ID.fullmatch(fields[0]))
    token: Column = "FORM" if is_conllu and wanted.token == 0 else wanted.token
    tag: Column | None = "UPOS" if is_conllu and wanted.tag == -1 else wanted.tag

    chosen = (token, *(() if tag is None else (tag,)), *wanted.features)
    places = tuple(_place(column, width, is_conllu, name, line) for column in chosen)
    token_place, tag_place = places[0], None if tag is None else places[1]
    if token_place == tag_place:
        found = f"found {count_of(width, 'column')}, and column {token_place} would be both token and tag"
        raise MissingColumnError(
            f"{found}; expected a column for each, separated by a tab or spaces", name, line
        )
    keys = tuple(str(column).partition(":")[2] for column in chosen)
    return Layout(
        separator=separator,
        width=width,
        line=line,
        is_conllu=is_conllu,
        token=token_place,
        tag=tag_place,
        wanted=places,
        keys=keys,
        has_keys=any(keys),
    )


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


def _place(column: Column, width: int, is_conllu: bool, name: str, line: int) -> int:
    """Return the column counted from 0."""
    if isinstance(column, str):
        bare = column.partition(":")[0].upper()
        if is_conllu and bare in CONLLU_COLUMNS:
            return CONLLU_COLUMNS.index(bare)
        known = (
            f"one of {', '.join(CONLLU_COLUMNS)}" if is_conllu else "a number; only CoNLL-U names its columns"
        )
        raise MissingColumnError(f"found no column {column!r}, expected {known}", name, line)
    if not -width <= column < width:
        expected = f"expected a column {column} (the first is 0, the last is -1)"
        raise MissingColumnError(f"found {count_of(width, 'column')}, {expected}", name, line)
    return column % width
