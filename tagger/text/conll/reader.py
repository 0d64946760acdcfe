"""Blocks of text to sentences: separators, columns, comments, document boundaries, CoNLL-U.

The first data row settles the layout (tabs or spaces, how many columns, CoNLL-U or not); every later row is
held to it. Most sentences take a fast road of a few string methods; whatever it cannot vouch for goes row by
row. This file does not know what a tag means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike

from tagger.errors import DataError
from tagger.text.conll.sentence import CONLLU_COLUMNS, DEFAULT_COLUMNS, Column, Columns, Sentence
from tagger.text.conll.source import Block, display_name, read_blocks

DOCSTART = "-DOCSTART-"
_CONLLU_ID = re.compile(r"[0-9]+(-[0-9]+|\.[0-9]+)?")
_NEW_DOCUMENT = re.compile(r"#\s*newdoc\b|#begin document")
_COMMENT = ("# ", "#begin document", "#end document")

Warn = Callable[[str], None]
Fault = Callable[[DataError], None]


def read_sentences(
    path: str | PathLike[str],
    *,
    columns: Columns = DEFAULT_COLUMNS,
    encoding: str = "utf-8",
    warn: Warn | None = None,
    on_fault: Fault | None = None,
) -> Iterator[Sentence]:
    """Yield the sentences of a column file in bounded memory; gzip is unpacked, `-` is the standard input.

    Args:
        columns: which columns hold what; the first and the last by default, FORM and UPOS in CoNLL-U.
        warn: called at the end with one sentence for each kind of oddity that was mended, with its count.
        on_fault: called with each faulty row, which is then left out; without it the first one is raised.

    Raises:
        DataError: with file and line.
    """
    return iter(Reader(path, columns, encoding, warn, on_fault))


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first data row settles: separator, number of columns, and where the wanted ones are."""

    separator: str
    width: int
    line: int
    is_conllu: bool
    token: int
    tag: int | None
    features: tuple[int, ...]


class Reader:
    """One pass over one file. `layout` is known after the first sentence."""

    def __init__(
        self,
        path: str | PathLike[str],
        columns: Columns,
        encoding: str = "utf-8",
        warn: Warn | None = None,
        on_fault: Fault | None = None,
    ) -> None:
        self.layout: Layout | None = None
        self._path = path
        self._name = display_name(path)
        self._columns = columns
        self._encoding = encoding
        self._warn = warn
        self._on_fault = on_fault
        self._notes: dict[str, list[int]] = {}  # fact -> [count, first line]
        self._document = 0
        self._is_begun = False  # whether a document boundary or a sentence has been seen
        self._comments: list[str] = []  # above the next sentence

    def __iter__(self) -> Iterator[Sentence]:
        for block in read_blocks(self._path, self._encoding, self._note):
            if self.layout is None:
                self._find_layout(block)
            yield from self._read_block(block)
        if self._warn:
            for fact, (count, first) in self._notes.items():
                self._warn(f"{count} {fact} (first: line {first})")

    def _note(self, fact: str, line: int) -> None:
        self._notes.setdefault(fact, [0, line])[0] += 1

    def _fault(self, message: str, line: int) -> None:
        error = DataError(message, self._name, line)
        if self._on_fault is None:
            raise error
        self._on_fault(error)

    def _find_layout(self, block: Block) -> None:
        for number, row in enumerate(block.text.split("\n"), block.line):
            if row and not row.startswith((*_COMMENT, DOCSTART)):
                self.layout = self._settle_layout(row, number)
                return

    def _settle_layout(self, row: str, line: int) -> Layout:
        separator = "\t" if "\t" in row else " "
        fields = _split_row(row, separator)
        is_conllu = len(fields) == 10 and separator == "\t" and bool(_CONLLU_ID.fullmatch(fields[0]))
        wanted = self._columns
        token: Column = "FORM" if is_conllu and wanted.token == 0 else wanted.token
        tag: Column | None = "UPOS" if is_conllu and wanted.tag == -1 else wanted.tag

        def place(column: Column) -> int:
            return self._place_column(column, len(fields), is_conllu, line)

        layout = Layout(
            separator=separator,
            width=len(fields),
            line=line,
            is_conllu=is_conllu,
            token=place(token),
            tag=None if tag is None else place(tag),
            features=tuple(place(column) for column in wanted.features),
        )
        if layout.token == layout.tag:
            found = (
                f"found {_count(layout.width, 'column')}, of which {layout.token + 1} would be token and tag"
            )
            raise DataError(f"{found}, expected a token column and a tag column", self._name, line)
        return layout

    def _place_column(self, column: Column, width: int, is_conllu: bool, line: int) -> int:
        """Return the column counted from 0."""
        if isinstance(column, str):
            if is_conllu and column.upper() in CONLLU_COLUMNS:
                return CONLLU_COLUMNS.index(column.upper())
            form = (
                f"one of {', '.join(CONLLU_COLUMNS)}"
                if is_conllu
                else "a number: only CoNLL-U names its columns"
            )
            raise DataError(f"found no column {column!r}, expected {form}", self._name, line)
        if not -width <= column < width:
            expected = f"expected column {column} to be among them (counted from 0, from the last as -1)"
            raise DataError(f"found {_count(width, 'column')}, {expected}", self._name, line)
        return column % width

    def _read_block(self, block: Block) -> Iterator[Sentence]:
        """Yield the sentences of a block; the fast road is taken where all rows have the layout's width."""
        layout = self.layout
        fast = (
            layout is not None
            and not layout.is_conllu
            and (layout.separator == "\t" or "\t" not in block.text)
        )
        line = block.line
        for chunk in block.text.split("\n\n"):
            here = line
            line += chunk.count("\n") + 2
            if not chunk or chunk == "\n":
                continue
            if chunk[0] == "\n" or chunk[-1] == "\n":
                stripped = chunk.lstrip("\n")
                here += len(chunk) - len(stripped)
                chunk = stripped.rstrip("\n")
                if not chunk:
                    continue
            sentence = self._read_fast(chunk, here) if fast else None
            if sentence is not None:
                yield sentence
            else:
                yield from self._read_rows(chunk, here)

    def _read_fast(self, chunk: str, line: int) -> Sentence | None:
        """Split a whole sentence at once; None where a row needs a closer look.

        Each row becomes its fields and a line end, so the fields have the period width + 1, and every
        last one of a period being a line end proves that each row has `width` columns.
        """
        layout = self.layout
        assert layout is not None
        if chunk[0] == "#" or DOCSTART in chunk or self._comments:
            return None
        separator, width = layout.separator, layout.width
        fields = chunk.replace("\n", f"{separator}\n{separator}").split(separator)
        rows = chunk.count("\n") + 1
        period = width + 1
        if len(fields) != rows * period - 1 or fields[width::period].count("\n") != rows - 1 or "" in fields:
            return None
        if separator == "\t" and " " in chunk and not all(map(str.strip, fields[layout.token :: period])):
            return None
        self._is_begun = True
        return Sentence(
            tuple(fields[layout.token :: period]),
            () if layout.tag is None else tuple(fields[layout.tag :: period]),
            line,
            self._document,
            tuple([tuple(fields[feature::period]) for feature in layout.features]) if layout.features else (),
        )

    def _read_rows(self, chunk: str, line: int) -> Iterator[Sentence]:
        """Read a chunk row by row: comments, document boundaries, CoNLL-U, and every fault with its place."""
        rows: list[tuple[int, list[str]]] = []
        for number, row in enumerate(chunk.split("\n"), line):
            if self._is_comment(row, at_start=not rows):
                self._read_comment(row, number)
            elif row.startswith(DOCSTART):
                yield from self._finish(rows)
                rows = []
                self._begin_document()
            else:
                fields = self._read_row(row, number)
                if fields is not None:
                    rows.append((number, fields))
        yield from self._finish(rows)

    def _is_comment(self, row: str, at_start: bool) -> bool:
        """In CoNLL-U `#` begins a comment; elsewhere `# ` does above a sentence, unless it is a whole row."""
        layout = self.layout
        if layout is not None and layout.is_conllu:
            return row[0] == "#"
        if not at_start or not row.startswith(_COMMENT):
            return False
        return layout is None or len(_split_row(row, layout.separator)) != layout.width

    def _read_comment(self, row: str, number: int) -> None:
        if _NEW_DOCUMENT.match(row):
            self._begin_document()
        self._comments.append(row)
        if self.layout is None or not self.layout.is_conllu:
            self._note("lines that begin with '#' above a sentence were read as comments", number)

    def _begin_document(self) -> None:
        self._document += self._is_begun
        self._is_begun = True

    def _read_row(self, row: str, number: int) -> list[str] | None:
        """Return the fields of a token; None for multiword tokens, empty nodes and faulty rows."""
        layout = self.layout
        assert layout is not None  # a row that is neither comment nor document boundary settles it
        fields = _split_row(row, layout.separator)
        if len(fields) != layout.width or (layout.separator == " " and "\t" in row):
            other = "\t" in row and layout.separator == " "
            found = f"found {_count(len(_split_row(row, chr(9))) if other else len(fields), 'column')}"
            where = f"tabs here, spaces in line {layout.line}" if other else f"line {layout.line} has"
            expected = where if other else f"{where} {layout.width}"
            self._fault(f"{found}, {expected}; expected the same columns in every row", number)
            return None
        if layout.is_conllu and not fields[0].isdecimal():
            if not _CONLLU_ID.fullmatch(fields[0]):
                self._fault(f"found ID {fields[0]!r}, expected a number, a range (1-2) or 1.1", number)
            return None
        for column in (layout.token, layout.tag, *layout.features):
            if column is not None and not fields[column].strip(" "):
                what = "token" if column == layout.token else "tag" if column == layout.tag else "feature"
                self._fault(f"found an empty {what} in column {column + 1}, expected some text", number)
                return None
        return fields

    def _finish(self, rows: list[tuple[int, list[str]]]) -> Iterator[Sentence]:
        if not rows:
            return
        layout = self.layout
        assert layout is not None
        first = rows[0][0]
        has_gaps = rows[-1][0] - first != len(rows) - 1
        tag = layout.tag
        self._is_begun = True
        yield Sentence(
            tokens=tuple(fields[layout.token] for _, fields in rows),
            tags=() if tag is None else tuple(fields[tag] for _, fields in rows),
            line=first,
            document=self._document,
            features=tuple(tuple(fields[column] for _, fields in rows) for column in layout.features),
            comments=tuple(self._comments),
            lines=tuple(number for number, _ in rows) if has_gaps else (),
        )
        self._comments = []


def _split_row(row: str, separator: str) -> list[str]:
    fields = row.split(separator)
    return fields if separator == "\t" else [field for field in fields if field]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
