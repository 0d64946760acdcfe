"""Blocks of text to sentences: rows, comments, document boundaries, CoNLL-U.

Most sentences take a fast road of a few string methods; whatever it cannot vouch for goes row by row, where
faults get their place. This file does not know what a tag means.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from itertools import chain, compress
from os import PathLike

from tagger.errors import DataError
from tagger.text.conll.layout import CONLLU_ID, Layout, count_columns, settle_layout, split_row, value_of
from tagger.text.conll.sentence import DEFAULT_COLUMNS, Columns, Sentence
from tagger.text.conll.source import Block, display_name, read_blocks
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG

DOCSTART = "-DOCSTART-"
NEW_DOCUMENT = re.compile(r"#\s*newdoc\b|#begin document")
COMMENT = ("# ", "#begin document", "#end document")
UNSPECIFIED = "_"  # of CoNLL-U, in UPOS and XPOS
TAG_COLUMNS = (3, 4)  # UPOS and XPOS

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
    return iter(Reader(path, columns, encoding, warn=warn, on_fault=on_fault))


class Reader:
    """One pass over one file.

    Args:
        share: keep one copy of equal strings, which a corpus held in memory wants and a stream does not.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        columns: Columns,
        encoding: str,
        *,
        warn: Warn | None = None,
        on_fault: Fault | None = None,
        share: bool = False,
    ) -> None:
        self.layout: Layout | None = None  # known after the first data row
        self._path = path
        self._name = display_name(path)
        self._columns = columns
        self._encoding = encoding
        self._warn = warn
        self._on_fault = on_fault
        self._share = share
        self.notes: dict[str, tuple[int, int]] = {}  # oddity that was mended -> how often, first line
        self._document = 0
        self._is_begun = False  # whether a document boundary or a sentence has been seen
        self._comments: list[str] = []  # above the next sentence

    def __iter__(self) -> Iterator[Sentence]:
        for block in read_blocks(self._path, self._encoding, self._note):
            if self.layout is None:
                self._find_layout(block)
            yield from self._read_block(block)
        if self._warn:
            for fact, (count, first) in self.notes.items():
                self._warn(f"{count} {fact} (first: line {first})")

    def _note(self, fact: str, line: int) -> None:
        count, first = self.notes.get(fact, (0, line))
        self.notes[fact] = (count + 1, first)

    def _fault(self, message: str, line: int) -> None:
        """Raise the fault, or report it where someone collects them."""
        error = DataError(message, self._name, line)
        if self._on_fault is None:
            raise error
        self._on_fault(error)

    def _find_layout(self, block: Block) -> None:
        for number, row in enumerate(block.text.split("\n"), block.line):
            if row and not row.startswith((*COMMENT, DOCSTART)):
                self.layout = settle_layout(row, self._columns, self._name, number)
                return

    def _read_block(self, block: Block) -> Iterator[Sentence]:
        layout = self.layout
        is_regular = layout is not None and (layout.separator == "\t" or "\t" not in block.text)
        line = block.line
        for chunk in block.text.split("\n\n"):
            ends = chunk.count("\n")
            rows = chunk.strip("\n")
            if rows:
                first = line + (chunk[0] == "\n")
                sentence = self._read_fast(rows, first) if is_regular else None
                if sentence:
                    yield sentence
                else:
                    yield from self._read_rows(rows, first)
            line += ends + 2

    def _read_fast(self, text: str, line: int) -> Sentence | None:
        """Split a whole sentence at once; None where a row needs a closer look."""
        layout = self.layout
        assert layout is not None
        if layout.is_conllu:
            return self._read_fast_conllu(text, line, layout)
        if text[0] == "#" or self._comments or DOCSTART in text:
            return None
        fields = _split_rows(text, layout.separator, layout.width)
        if fields is None:
            return None
        period = layout.width + 1
        if (
            layout.tag is not None and len(layout.wanted) == 2 and not self._share
        ):  # the usual case, without the detours of `_build`
            self._is_begun = True
            token, tag = layout.wanted
            return Sentence(tuple(fields[token::period]), tuple(fields[tag::period]), line, self._document)
        return self._build([tuple(fields[column::period]) for column in layout.wanted], line, ())

    def _read_fast_conllu(self, text: str, line: int, layout: Layout) -> Sentence | None:
        """Do the same with comments above, and rows that are no tokens left out."""
        comments, rows = _cut_comments(text)
        try:
            columns: list[tuple[str, ...]] = list(zip(*[row.split("\t") for row in rows], strict=True))
        except ValueError:  # the rows differ in width
            return None
        wanted = [columns[column] for column in layout.wanted] if len(columns) == layout.width else []
        if (
            not wanted
            or not all(map(all, wanted))
            or (" " in text and not all(map(str.strip, chain.from_iterable(wanted))))
        ):
            return None
        first = line + len(comments)
        lines: tuple[int, ...] = ()
        is_token = list(map(str.isdecimal, columns[0]))
        if not all(is_token):
            if not any(is_token) or not all(map(CONLLU_ID.fullmatch, columns[0])):
                return None
            lines = tuple(compress(range(first, first + len(is_token)), is_token))
            wanted = [tuple(compress(column, is_token)) for column in wanted]
            first = lines[0]
        self._comments += comments
        for comment in comments:
            if NEW_DOCUMENT.match(comment):
                self._begin_document()
        return self._build(wanted, first, lines)

    def _build(self, columns: list[tuple[str, ...]], line: int, lines: tuple[int, ...]) -> Sentence:
        """Make a sentence of its wanted columns and the comments above it."""
        layout = self.layout
        assert layout is not None
        self._is_begun = True
        if any(layout.keys):
            columns = _look_up_keys(columns, layout)
        tokens, tags, *features = columns if layout.tag is not None else [columns[0], (), *columns[1:]]
        if layout.is_conllu and layout.tag in TAG_COLUMNS and UNSPECIFIED in tags:
            tags = tuple(UNKNOWN_TAG if tag == UNSPECIFIED else tag for tag in tags)
        if self._share:
            tokens, tags = tuple(map(sys.intern, tokens)), tuple(map(sys.intern, tags))
        comments, self._comments = tuple(self._comments), []
        has_gaps = bool(lines) and lines[-1] - line >= len(lines)
        return Sentence(
            tokens, tags, line, self._document, tuple(features), comments, lines if has_gaps else ()
        )

    def _read_rows(self, text: str, line: int) -> Iterator[Sentence]:
        """Read row by row: comments, document boundaries, CoNLL-U, and every fault with its place."""
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, row in enumerate(text.split("\n"), line):
            if self._is_comment(row, above=not rows):
                self._read_comment(row, number)
            elif row.startswith(DOCSTART) or (DOCSTART in row and DOCSTART in re.split("[ \t]", row)):
                yield from self._finish(numbers, rows)
                numbers, rows = [], []
                self._begin_document()
            else:
                fields = self._read_row(row, number)
                if fields is not None:
                    numbers.append(number)
                    rows.append(fields)
        yield from self._finish(numbers, rows)

    def _finish(self, numbers: list[int], rows: list[list[str]]) -> Iterator[Sentence]:
        if rows:
            yield self._build(list(zip(*rows, strict=True)), numbers[0], tuple(numbers))

    def _is_comment(self, row: str, above: bool) -> bool:
        """In CoNLL-U `#` begins a comment; elsewhere `# ` does above a sentence, unless it is a whole row."""
        layout = self.layout
        if layout is not None and layout.is_conllu:
            return row[0] == "#"
        if not above or not row.startswith(COMMENT):
            return False
        return layout is None or len(split_row(row, layout.separator)) != layout.width

    def _read_comment(self, row: str, number: int) -> None:
        if NEW_DOCUMENT.match(row):
            self._begin_document()
        self._comments.append(row)
        if self.layout is None or not self.layout.is_conllu:
            self._note("lines that begin with '#' above a sentence were read as comments", number)

    def _begin_document(self) -> None:
        self._document += self._is_begun
        self._is_begun = True

    def _read_row(self, row: str, number: int) -> list[str] | None:
        """Return the wanted fields of a token; None for multiword tokens, empty nodes and faulty rows."""
        layout = self.layout
        assert layout is not None  # a row that is neither comment nor document boundary settles it
        fields = split_row(row, layout.separator)
        if layout.separator == " " and "\t" in row:
            found = (
                f"found a tab, line {layout.line} has its {count_columns(layout.width)} separated by spaces"
            )
            self._fault(f"{found}; expected the same separator in every row", number)
            return None
        if len(fields) != layout.width:
            found = f"found {count_columns(len(fields))}, line {layout.line} has {layout.width}"
            self._fault(f"{found}; expected the same number in every row", number)
            return None
        if layout.is_conllu and not fields[0].isdecimal():
            if not CONLLU_ID.fullmatch(fields[0]):
                self._fault(f"found ID {fields[0]!r}, expected a number, or as in 1-2 or 1.1", number)
            return None
        for column in layout.wanted:
            if not fields[column].strip(" "):
                what = f"an empty {layout.name_of(column)} in column {column}"
                self._fault(f"found {what}, expected some text", number)
                return None
        return [fields[column] for column in layout.wanted]


def _cut_comments(text: str) -> tuple[list[str], list[str]]:
    """Return the lines at the beginning that start with `#`, and the rest."""
    rows = text.split("\n")
    count = next((i for i, row in enumerate(rows) if row[0] != "#"), len(rows))
    return rows[:count], rows[count:]


def _split_rows(text: str, separator: str, width: int) -> list[str] | None:
    """Return the fields of all rows with a `\\n` between rows; None unless every row has its columns filled.

    A line end stands where a field would, so the fields have the period width + 1, and every last one of a
    period being a line end proves that each row has `width` columns.
    """
    marked = text.replace("\n", f"{separator}\n{separator}")
    if separator * 2 in marked or marked[0] == separator:
        return None
    fields = marked.split(separator)
    ends, rest = divmod(len(fields), width + 1)
    if rest != width or fields[width :: width + 1].count("\n") != ends:
        return None
    if separator == "\t" and " " in text and not all(field.strip(" ") for field in fields):
        return None
    return fields


def _look_up_keys(columns: list[tuple[str, ...]], layout: Layout) -> list[tuple[str, ...]]:
    """Replace a field by the value of the key asked for: `O` where a tag lacks it, `_` elsewhere."""
    defaults = [OUTSIDE if place == layout.tag else UNSPECIFIED for place in layout.wanted]
    return [
        tuple(value_of(field, key, default) for field in column) if key else column
        for column, key, default in zip(columns, layout.keys, defaults, strict=True)
    ]
