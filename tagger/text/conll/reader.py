"""Blocks of text to sentences: rows, comments, document boundaries, CoNLL-U.

Most sentences take a fast road of a few string methods; whatever it cannot vouch for goes row by row, where
faults get their place. This file does not know what a tag means.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from operator import not_
from os import PathLike

from tagger.errors import DataError
from tagger.text.conll.layout import CONLLU_ID, Layout, count_columns, settle_layout, split_row, value_of
from tagger.text.conll.sentence import DEFAULT_COLUMNS, Columns, Sentence
from tagger.text.conll.source import display_name, read_blocks, strip_blanks
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG

DOCSTART = "-DOCSTART-"
NEW_DOCUMENT = re.compile(r"#\s*newdoc\b|#begin document")
COMMENT = ("# ", "#begin document", "#end document")
UNSPECIFIED = "_"  # of CoNLL-U, in UPOS and XPOS
TAG_COLUMNS = (3, 4)  # UPOS and XPOS
_IDS = tuple(map(str, range(1, 200)))  # of CoNLL-U, without multiword tokens and empty nodes

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
        for text, line in read_blocks(self._path, self._encoding, self._note):
            if self.layout is None:
                self._find_layout(strip_blanks(text), line)
            yield from self._read_block(text, line)
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

    def _find_layout(self, text: str, line: int) -> None:
        for number, row in enumerate(text.split("\n"), line):
            if row and not row.startswith((*COMMENT, DOCSTART)):
                self.layout = settle_layout(row, self._columns, self._name, number)
                return

    def _read_block(self, text: str, line: int) -> Iterator[Sentence]:
        """Read whole sentences; the text ends in a line end."""
        layout = self.layout
        if layout is not None and layout.is_conllu:
            yield from self._read_conllu_block(text, line)
            return
        is_regular = layout is not None and (layout.separator == "\t" or "\t" not in text)
        for chunk in text.split("\n\n"):
            rows = chunk.strip("\n")
            if rows:
                first = line + (chunk[0] == "\n")
                sentence = self._read_fast(rows, first) if is_regular else None
                if sentence:
                    yield sentence
                else:
                    yield from self._read_slowly(rows, first)
            line += chunk.count("\n") + 2

    def _read_conllu_block(self, text: str, line: int) -> Iterator[Sentence]:
        """Do the same for long rows with comments above: faster row by row."""
        rows = text.split("\n")
        begin = 0
        while begin < len(rows):
            end = rows.index("", begin)
            if end > begin:
                sentence = self._read_fast_conllu(rows[begin:end], line + begin)
                if sentence:
                    yield sentence
                else:
                    yield from self._read_slowly("\n".join(rows[begin:end]), line + begin)
            begin = end + 1

    def _read_slowly(self, text: str, line: int) -> Iterator[Sentence]:
        """Read what the fast road refused: once more without its blanks, else row by row."""
        stripped = strip_blanks(text + "\n")
        if len(stripped) > len(text):
            yield from self._read_rows(text, line)
        else:
            yield from self._read_block(stripped, line)

    def _read_fast(self, text: str, line: int) -> Sentence | None:
        """Split a whole sentence at once; None where a row needs a closer look."""
        layout = self.layout
        assert layout is not None
        if text.startswith(COMMENT) or self._comments or DOCSTART in text:
            return None
        columns = _split_columns(text.replace("\n", layout.seam), layout, layout.wanted)
        return self._build(columns, line) if columns else None

    def _read_fast_conllu(self, rows: list[str], line: int) -> Sentence | None:
        """Do the same with comments above, and rows that are no tokens left out."""
        layout = self.layout
        assert layout is not None
        above = 0
        while above < len(rows) and rows[above][0] == "#":
            above += 1
        columns = _split_columns(layout.seam.join(rows[above:]), layout, (0, *layout.wanted))
        if columns is None:
            return None
        ids, *wanted = columns
        first = line + above
        lines: tuple[int, ...] = ()
        if ids != _IDS[: len(ids)]:
            is_token = list(map(str.isdecimal, ids))
            others = compress(ids, map(not_, is_token))
            if not any(is_token) or not all(map(CONLLU_ID.fullmatch, others)):
                return None
            lines = tuple(compress(range(first, first + len(is_token)), is_token))
            wanted = [tuple(compress(column, is_token)) for column in wanted]
            first = lines[0]
        for row in rows[:above]:
            self._comments.append(row)
            if "doc" in row and NEW_DOCUMENT.match(row):
                self._begin_document()
        return self._build(wanted, first, lines)

    def _build(self, columns: Sequence[tuple[str, ...]], line: int, lines: tuple[int, ...] = ()) -> Sentence:
        """Make a sentence of its wanted columns and the comments above it."""
        layout = self.layout
        assert layout is not None
        self._is_begun = True
        if layout.has_keys:
            columns = _look_up_keys(columns, layout)
        tokens, features = columns[0], columns[1:]
        tags: tuple[str, ...] = ()
        if layout.tag is not None:
            tags, features = columns[1], columns[2:]
        if layout.is_conllu and layout.tag in TAG_COLUMNS and UNSPECIFIED in tags:
            tags = tuple(UNKNOWN_TAG if tag == UNSPECIFIED else tag for tag in tags)
        if self._share:
            tokens, tags = tuple(map(sys.intern, tokens)), tuple(map(sys.intern, tags))
        comments: tuple[str, ...] = ()
        if self._comments:
            comments, self._comments = tuple(self._comments), []
        if lines and lines[-1] - line < len(lines):
            lines = ()
        return Sentence(tokens, tags, line, self._document, tuple(features), comments, lines)

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


def _split_columns(text: str, layout: Layout, places: Sequence[int]) -> list[tuple[str, ...]] | None:
    """Return columns of a text with seams for line ends; None unless every row has them all, and these are filled.

    At a seam the line end is a field of its own, so the fields have the period width + 1, and every last one of a
    period being a line end proves that each row has `width` columns.
    """
    separator, width = layout.separator, layout.width
    if separator == " " and "  " in text:
        return None
    fields = text.split(separator)
    period = width + 1
    ends, rest = divmod(len(fields), period)
    if rest != width or fields[width::period].count("\n") != ends:
        return None
    columns = [tuple(fields[place::period]) for place in places]
    if not fields[0] or "" in fields[width - 1 :: period] or any("" in column for column in columns):
        return None
    return columns if separator == " " or " " not in text or _is_clean(text, columns) else None


def _is_clean(text: str, columns: Sequence[Sequence[str]]) -> bool:
    """Say whether no field holds blanks alone, and no row ends in one."""
    filled = all(field.strip(" ") for column in columns for field in column)
    return filled and " \t\n" not in text and text[-1] != " "


def _look_up_keys(columns: Sequence[tuple[str, ...]], layout: Layout) -> list[tuple[str, ...]]:
    """Replace a field by the value of the key asked for: `O` where a tag lacks it, `_` elsewhere."""
    defaults = [OUTSIDE if place == layout.tag else UNSPECIFIED for place in layout.wanted]
    return [
        tuple(value_of(field, key, default) for field in column) if key else column
        for column, key, default in zip(columns, layout.keys, defaults, strict=True)
    ]
