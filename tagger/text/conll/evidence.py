"""What tells the layout of a column file: the rows of its first sentence, and what stands above them.

The first row alone misleads: it may be a comment, a title, or the names of the columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tagger.errors import DataError
from tagger.text.conll.layout import DataRow, Layout, find_layout, find_names, split_row
from tagger.text.conll.sentence import Columns
from tagger.text.conll.source import BLANKS

DOCSTART = "-DOCSTART-"
DOCUMENT_COMMENTS = ("#begin document", "#end document")
SAMPLE = 1 << 16  # characters that tell which columns hold tags
_COMMENTS = ("# ", "#\t", "##", *DOCUMENT_COMMENTS)
_MOST_ROWS = 200  # of a first sentence that has no end
_LANGUAGE = re.compile("[a-z]{2,3}:(?=.)")
_RECORDS = re.compile(r'\s*(?:\[\s*)?\{\s*"[\w.@-]+"\s*:')  # no row, and no sentence whose quotes are tokens
_GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(.*)")


class Evidence:
    """The first rows of a file, collected until one of a token is among them and its sentence ends."""

    def __init__(self) -> None:
        self.sample = ""  # text in which tags can be looked for
        self._rows: list[tuple[int, str]] = []
        self._doubtful: list[tuple[int, str]] = []  # rows that begin as comments do, but with a tab
        self._names: tuple[str, ...] = ()

    def add(self, text: str, line: int) -> bool:
        """Take up a block without blanks before its line ends, and say whether that is enough."""
        self.sample = text[:SAMPLE]
        for number, row in enumerate(text.split("\n"), line):
            if may_be_comment(row):
                named = _GLOBAL_COLUMNS.match(row)
                self._names = tuple(named[1].split()) if named else self._names
                if row == "#" or ("\t" in row and not row.startswith("# ")):
                    self._doubtful.append((number, row))
            elif row and not holds_boundary(row):
                self._rows.append((number, row))
                if len(self._rows) == _MOST_ROWS:
                    return True
            elif self._has_token():
                return True
        return self._has_token()

    def _has_token(self) -> bool:
        if len(self._rows) != 1:
            return bool(self._rows)
        row = self._rows[0][1]
        return not find_names(split_row(row, _separator_of(row)))

    def find_layout(self, wanted: Columns, name: str) -> Layout | None:
        """Return the layout that the rows show, if there is one."""
        rows = self._rows or self._doubtful
        if not rows:
            return None
        separator = _separator_of(rows[0][1])
        split = [DataRow(line, row, split_row(row, separator)) for line, row in rows]
        return find_layout(split, separator, wanted, name, self._names)

    def find_prefix(self, layout: Layout) -> str:
        """Return what stands in front of every token of these rows as `en:` does in WikiANN, else nothing."""
        rows = [split_row(row, layout.separator) for _, row in self._rows if row != layout.header]
        tokens = [fields[layout.token] for fields in rows if len(fields) > layout.token]
        language = _LANGUAGE.match(tokens[0]) if tokens else None
        return language[0] if language and all(token.startswith(language[0]) for token in tokens) else ""


def refuse_records(text: str, name: str) -> None:
    """Refuse a file that begins as JSON does: as rows, an export of an annotation tool has tags of brackets.

    Raises:
        DataError: it does.
    """
    if _RECORDS.match(text):
        raise DataError(
            "found JSON, expected columns, or lines of words; `tagger convert FILE.json corpus.conll` makes columns "
            "of what annotation tools export",
            name,
            1,
        )


def _separator_of(row: str) -> str:
    """Return what separates the fields of a row: a row with a tab has them split at tabs only."""
    return "\t" if "\t" in row else " "


def may_be_comment(row: str) -> bool:
    """Say whether a row begins as a comment does; `#` may be a token as well."""
    return row.startswith(_COMMENTS) or row == "#"


def holds_boundary(row: str) -> bool:
    """Say whether a row marks where a new document begins."""
    return row.startswith(DOCSTART) or (DOCSTART in row and DOCSTART in re.split(f"[{BLANKS}]", row))


def is_remark(fields: Sequence[str]) -> bool:
    """Say whether a row above a sentence that has as many columns as others, but `#` in front, is a comment.

    In a corpus of tweets `#` is a token; a title has a text or an address where its tag would be, or names columns.

    >>> is_remark(["#", "B-X"]), is_remark(["#", "http://a.org", "[2010]"]), is_remark(["## 1", "a b"])
    (False, True, True)
    >>> is_remark(["# word", "tag"])
    True
    """
    if fields[0] == "#" and fields[2:3] == ["="]:  # `# sent_id = 1` among four columns
        return True
    if (fields[0].startswith("##") and " " in fields[0]) or find_names(fields):
        return True
    return any(" " in field or "://" in field for field in fields[1:])
