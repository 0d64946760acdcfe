"""What a raw text file is, told by its name and by how it begins: running text, columns or JSON.

Running text is what everything is that shows nothing else beyond doubt: a table within a text stays text, a poem, a
list with tabs. Columns show tags, row by row; JSON parses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from tagger.text.conll import CONLLU_COLUMNS
from tagger.text.conll.layout import CONLLU_ID, split_row
from tagger.text.conll.lineform import find_form
from tagger.text.files import FilePath, display_name, find_decoder
from tagger.text.raw.rows import InputSettings, Note
from tagger.text.schemes import OUTSIDE

_SUFFIXES = {
    ".conll": "conll", ".conllu": "conll", ".conllx": "conll", ".conll03": "conll", ".bio": "conll", ".iob": "conll",
    ".iob2": "conll", ".bioes": "conll", ".iobes": "conll", ".bilou": "conll", ".bmes": "conll",
    ".csv": "conll", ".tsv": "conll", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip
_NAMES = {
    "conll": "columns",
    "jsonl": "JSON",
    "segmented": "segmented text, whose words are the tokens",
    "wordpos": "words with tags, which are left out",
}
_FEWEST_TAGGED = 8  # words with what looks like tags, where a model knows none of these
_TAG = re.compile(r"[BIESLUM]-\S+")
_JSON = re.compile(r'\[?\s*\{\s*("(?:[^"\\]|\\.)*"\s*:|$)|\[\s*$')
_GOES_ON = tuple("{[,:")  # ends a line of JSON that is laid out over several
_DOCSTART = "-DOCSTART-"
_LOOKED_AT = 200  # rows
_ENOUGH_TOKENS = 1_000
_NEARLY_ALL = 0.9
_FEWEST_OUTSIDE = 5  # rows that are all `O`: fewer may be a list with a letter in it
_FEWEST_CUT = 50  # words: beyond it a text with blanks is segmented text
_SEGMENTED = (
    "segmented text, as it seems, whose blanks stay ends of words; --words-across-blanks lets words go on behind "
    "them (--format jsonl shows it), and `tagger evaluate` scores a model on such a file without them"
)


class Recognised(NamedTuple):
    """A format, and what to tell the user about it; None: what he expects anyway."""

    format: str
    note: str | None = None


def recognise(
    path: FilePath,
    beginning: bytes,
    encoding: str,
    tags: frozenset[str] = frozenset(),
    *,
    is_all: bool = True,
    reads_words: bool = False,
    cuts_words: bool = False,
) -> Recognised | None:
    """Return what a file holds; None where only more of it can tell.

    Args:
        path: of the file; `-` says nothing.
        beginning: its first bytes.
        encoding: of the file.
        tags: of a model, which columns may hold.
        is_all: whether no more can be looked at.
        reads_words: see `InputSettings`.
        cuts_words: likewise.
    """
    try:
        text = find_decoder(encoding)("replace").decode(beginning).removeprefix("\ufeff")
    except UnicodeError:  # of the encoding as such; whoever reads the file will say so
        text = ""
    named = _SUFFIXES.get(PurePath(display_name(path).removesuffix(".gz")).suffix.lower())
    lines = text.replace("\r\n", "\n").lstrip("\n").split("\n")
    if not is_all and (len(lines) == 1 or _may_be_columns(lines, tags)):
        return None
    shown = "jsonl" if _is_json(text) else "conll" if _is_columns(lines, tags) else None
    if not shown and not named:
        shown = _find_lines(lines[:-1] or lines, tags, reads_words=reads_words)
    format = shown or named or "text"
    if format == "text":
        is_cut = cuts_words and _is_segmented(lines)
        return Recognised(format, f"{display_name(path)}: {_SEGMENTED}" if is_cut else None)
    why = "" if shown else ", as its name says"
    found = f"{display_name(path)}: read as {_NAMES[format]} ({format}){why}"
    return Recognised(format, f"{found}; --input-format text reads it as running text")


class TagWatch:
    """Notices that the tokens of a column file are tags, so that another column was meant.

    Args:
        name: of the file.
        settings: which column was read, and the tags of the model.
        note: called once if nearly all of the first tokens are tags.
    """

    def __init__(self, name: str, settings: InputSettings, note: Note) -> None:
        self._name = name
        self._column = settings.token_column
        self._tags = settings.tags | {OUTSIDE}
        self._note = note
        self._seen = self._found = 0

    def look_at(self, words: Sequence[str]) -> None:
        """Count a sentence's tokens, until there are enough."""
        if self._seen >= _ENOUGH_TOKENS:
            return
        self._seen += len(words)
        self._found += sum(word in self._tags or _TAG.fullmatch(word) is not None for word in words)
        if self._seen >= _ENOUGH_TOKENS:
            self._say()

    def judge(self) -> None:
        """Say what is to be said at the end of the file."""
        if self._seen < _ENOUGH_TOKENS:
            self._say()

    def _say(self) -> None:
        if self._seen and self._found > _NEARLY_ALL * self._seen:
            self._note(
                f"{self._name}: the tokens read from column {self._column} are tags ({self._found} of the first "
                f"{self._seen}); name the column of the words with --token-column"
            )


def _is_json(text: str) -> bool:
    """Tell whether a text begins with an object, or with an array of objects."""
    text = text.lstrip()
    if not _JSON.match(text):
        return False
    line, line_end, _ = text.partition("\n")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return not line_end or line.rstrip().endswith(_GOES_ON)
    return not text[end:].partition("\n")[0].strip()


def _is_columns(lines: Sequence[str], tags: frozenset[str]) -> bool:
    """Tell whether all rows have the same columns, and one of these holds tags."""
    if lines[0].startswith(_DOCSTART):
        return True
    table = _tabulate(lines)
    if len(table[0]) == len(CONLLU_COLUMNS) and CONLLU_ID.fullmatch(table[0][0]):
        return True
    held = [_holds_tags(column, tags) for column in zip(*table, strict=True)]
    return any(held) and not all(held) and len(table) > 1


def _find_lines(lines: Sequence[str], tags: frozenset[str], *, reads_words: bool) -> str | None:
    """Return the format of lines of words, if they are that beyond doubt."""
    form = find_form("\n".join(lines))
    if form is None:
        return None
    if not form.has_tags:
        return "segmented" if reads_words else None
    found = [form.split(word)[1] for line in lines for word in line.split()]
    return "wordpos" if len(found) >= _FEWEST_TAGGED or tags.issuperset(found) else None


def _is_segmented(lines: Sequence[str]) -> bool:
    """Tell whether somebody cut a text into words: more than a few of them."""
    return sum(len(line.split()) for line in lines) >= _FEWEST_CUT and find_form("\n".join(lines)) is not None


def _may_be_columns(lines: Sequence[str], tags: frozenset[str]) -> bool:
    """Tell whether there are too few rows yet to say."""
    table = _tabulate(lines)
    if len(table) >= _FEWEST_OUTSIDE or _is_columns(lines, tags):
        return False
    if table == [[]]:
        return lines[0].startswith("#")
    known = tags | {OUTSIDE}
    return len(table[0]) > 1 and any(
        all(value in known or _TAG.fullmatch(value) for value in column)
        for column in zip(*table, strict=True)
    )


def _tabulate(lines: Sequence[str]) -> list[list[str]]:
    """Return the fields of the first rows, their last one left out, which may be cut; an empty row if they differ."""
    rows = [line.rstrip(" \t") for line in lines[:-1][:_LOOKED_AT]]
    rows = [row for row in rows if row and not row.startswith(("#", _DOCSTART))]
    separator = "\t" if rows and "\t" in rows[0] else " "
    table = [split_row(row, separator) for row in rows]
    return table if table and all(len(fields) == len(table[0]) for fields in table) else [[]]


def _holds_tags(column: tuple[str, ...], tags: frozenset[str]) -> bool:
    spans = sum(_TAG.fullmatch(value) is not None for value in column)
    if spans + column.count(OUTSIDE) == len(column):
        return spans > 0 or len(column) >= _FEWEST_OUTSIDE
    return len(set(column)) > 2 and tags.issuperset(column)
