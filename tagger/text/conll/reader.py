"""Blocks of text to sentences: rows, comments, document boundaries, CoNLL-U.

Most sentences are cut out of their block by `table`, all at once; those in which it finds anything unusual are read
row by row, where faults get their place.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence

from tagger.errors import DataError
from tagger.text.conll.hints import describe_empty_column, find_tag_columns
from tagger.text.conll.layout import CONLLU_ID, Layout, find_layout, split_row, value_of
from tagger.text.conll.sentence import DEFAULT_COLUMNS, TAG_COLUMNS, UNSPECIFIED, Columns, Sentence
from tagger.text.conll.source import BLANKS, read_blocks, strip_blanks
from tagger.text.conll.table import Cuttings, cut_block
from tagger.text.counting import count_of
from tagger.text.files import FilePath, display_name
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG

DOCSTART = "-DOCSTART-"
NEW_DOCUMENT = re.compile(r"#\s*newdoc\b|#begin document")
COMMENT = ("# ", "#begin document", "#end document")
SAMPLE = 1 << 16  # characters that tell which columns hold tags

Warn = Callable[[str], None]
Fault = Callable[[DataError], None]


def read_sentences(
    path: FilePath,
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
    return iter(ColumnReader(path, columns, encoding, warn=warn, on_fault=on_fault))


class ColumnReader:
    """One pass over one file.

    Args:
        share: keep one copy of equal strings, which a corpus held in memory wants and a stream does not.
    """

    def __init__(
        self,
        path: FilePath,
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
        self._notes: dict[str, tuple[int, int]] = {}  # oddity that was mended -> how often, first line
        self._document = 0
        self._is_tagged = False  # whether a tag has been seen
        self._tag_columns: list[str] = []  # of CoNLL-U, where others than the one asked for hold tags
        self._is_begun = False  # whether a document boundary or a sentence has been seen
        self._comments: list[str] = []  # above the next sentence

    def __iter__(self) -> Iterator[Sentence]:
        for text, line in read_blocks(self._path, self._encoding, self._note):
            if self.layout is None:
                self._find_layout(strip_blanks(text), line)
            if text:
                yield from self._read_block(text, line)
        if self._warn:
            for fact, first in self.describe_notes():
                self._warn(f"{fact} (first: line {first})")

    def describe_notes(self) -> Iterator[tuple[str, int]]:
        """Yield what was mended, and how often, with its first line."""
        for fact, (count, first) in self._notes.items():
            yield f"{count_of(count, 'line')} with {fact}", first
        if self.layout and _may_lack_tags(self.layout) and not self._is_tagged:
            yield describe_empty_column(self.layout, self._tag_columns), self.layout.line

    def _note(self, fact: str, line: int) -> None:
        count, first = self._notes.get(fact, (0, line))
        self._notes[fact] = (count + 1, first)

    def _fault(self, message: str, line: int) -> None:
        """Raise the fault, or report it where someone collects them."""
        error = DataError(message, self._name, line)
        if self._on_fault is None:
            raise error
        self._on_fault(error)

    def _find_layout(self, text: str, line: int) -> None:
        for number, row in enumerate(text.split("\n"), line):
            if row and not row.startswith((*COMMENT, DOCSTART)):
                self.layout = find_layout(row, self._columns, self._name, number)
                if _may_lack_tags(self.layout):
                    self._tag_columns = find_tag_columns(text[:SAMPLE], self.layout)
                return

    def _read_block(self, text: str, line: int) -> Iterator[Sentence]:
        """Read whole sentences; the text ends in a line end."""
        layout = self.layout
        if layout is None:  # there was no row yet but comments and document boundaries
            yield from self._read_rows(strip_blanks(text).split("\n"), line)
            return
        found, rows = _cut_without_blanks(text, layout)
        tokens, tags, *features = self._interpret(found.columns, layout)
        for begin, end, low, high, upper, lower in found.runs:
            if low == high:
                yield from self._read_rows(rows[begin:end], line + begin)
                continue
            if upper < lower:
                self._add_comments(found.comments[upper:lower])
            first = found.rows[low]
            has_gap = found.rows[high - 1] - first >= high - low
            yield Sentence(
                tokens[low:high],
                tags[low:high],
                line + first,
                self._document,
                tuple([column[low:high] for column in features]) if features else (),
                self._take_comments(),
                tuple([line + row for row in found.rows[low:high]]) if has_gap else (),
            )

    def _build(self, columns: Sequence[tuple[str, ...]], numbers: Sequence[int], layout: Layout) -> Sentence:
        """Make a sentence of its wanted columns, the lines of its tokens and the comments above it."""
        tokens, tags, *features = self._interpret(columns, layout)
        lines = () if numbers[-1] - numbers[0] < len(numbers) else tuple(numbers)
        comments = self._take_comments()
        return Sentence(tokens, tags, numbers[0], self._document, tuple(features), comments, lines)

    def _interpret(self, columns: Sequence[tuple[str, ...]], layout: Layout) -> list[tuple[str, ...]]:
        """Return tokens, tags (if any) and features as the wanted columns mean them."""
        meant = _look_up_keys(columns, layout) if layout.has_keys else list(columns)
        if layout.tag is None:
            meant.insert(1, ())
        if _may_lack_tags(layout):
            self._is_tagged = self._is_tagged or meant[1].count(UNSPECIFIED) < len(meant[1])
            if UNSPECIFIED in meant[1]:
                meant[1] = tuple(UNKNOWN_TAG if tag == UNSPECIFIED else tag for tag in meant[1])
        if self._share:
            meant[:2] = (tuple(map(sys.intern, column)) for column in meant[:2])
        return meant

    def _take_comments(self) -> tuple[str, ...]:
        """Return the comments above the sentence that is made now."""
        self._is_begun = True
        if not self._comments:
            return ()
        comments, self._comments = tuple(self._comments), []
        return comments

    def _read_rows(self, text: Sequence[str], line: int) -> Iterator[Sentence]:
        """Read row by row: comments, document boundaries, CoNLL-U, and every fault with its place.

        Args:
            text: its rows.
            line: the first.
        """
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, row in enumerate(text, line):
            if self._is_comment(row, above=not rows):
                self._read_comment(row, number)
            elif row.startswith(DOCSTART) or (DOCSTART in row and DOCSTART in re.split(f"[{BLANKS}]", row)):
                yield from self._finish(numbers, rows)
                numbers, rows = [], []
                self._begin_document()
            elif row and (fields := self._read_row(row, number)) is not None:
                numbers.append(number)
                rows.append(fields)
        yield from self._finish(numbers, rows)

    def _finish(self, numbers: list[int], rows: list[list[str]]) -> Iterator[Sentence]:
        if rows:
            assert self.layout is not None
            yield self._build(list(zip(*rows, strict=True)), numbers, self.layout)

    def _is_comment(self, row: str, above: bool) -> bool:
        """In CoNLL-U `#` begins a comment; elsewhere `# ` does above a sentence, unless it is a whole row."""
        layout = self.layout
        if layout is not None and layout.is_conllu:
            return row[0] == "#"
        if not above or not row.startswith(COMMENT):
            return False
        return layout is None or len(split_row(row, layout.separator)) != layout.width

    def _read_comment(self, row: str, number: int) -> None:
        self._add_comments((row,))
        if self.layout is None or not self.layout.is_conllu:
            self._note("'#' in front, above a sentence, read as comment", number)

    def _add_comments(self, rows: tuple[str, ...]) -> None:
        self._comments.extend(rows)
        for row in rows:
            if "doc" in row and NEW_DOCUMENT.match(row):  # the first test takes a tenth of the time
                self._begin_document()

    def _begin_document(self) -> None:
        self._document += self._is_begun
        self._is_begun = True

    def _read_row(self, row: str, number: int) -> list[str] | None:
        """Return the wanted fields of a token; None for multiword tokens, empty nodes and faulty rows."""
        layout = self.layout
        assert layout is not None  # known from the first row that is neither comment nor document boundary
        fields = split_row(row, layout.separator)
        if layout.separator == " " and "\t" in row:
            found = f"found a tab, line {layout.line} has its {count_of(layout.width, 'column')} separated by spaces"
            self._fault(f"{found}; expected the same separator in every row", number)
            return None
        if len(fields) != layout.width:
            found = f"found {count_of(len(fields), 'column')}, line {layout.line} has {layout.width}"
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


def _may_lack_tags(layout: Layout) -> bool:
    """Say whether `_` in the tag column means that the tag is not known."""
    return layout.is_conllu and layout.tag in TAG_COLUMNS


def _cut_without_blanks(text: str, layout: Layout) -> tuple[Cuttings, list[str]]:
    """Cut a block; once more where a sentence that needs a closer look has blanks before its line ends.

    Returns:
        What was cut out, and the rows where there is such a sentence, without these blanks.
    """
    found = cut_block(text, layout, DOCSTART)
    faulty = [slice(begin, end) for begin, end, low, high, _, _ in found.runs if low == high]
    if not faulty:
        return found, []
    rows = text.split("\n")
    for run in faulty:
        rows[run] = [row.rstrip(BLANKS) for row in rows[run]]
    stripped = "\n".join(rows)
    return found if len(stripped) == len(text) else cut_block(stripped, layout, DOCSTART), rows


def _look_up_keys(columns: Sequence[tuple[str, ...]], layout: Layout) -> list[tuple[str, ...]]:
    """Replace a field by the value of the key asked for: `O` where a tag lacks it, `_` elsewhere."""
    defaults = [OUTSIDE if place == layout.tag else UNSPECIFIED for place in layout.wanted]
    return [
        tuple(value_of(field, key, default) for field in column) if key else column
        for column, key, default in zip(columns, layout.keys, defaults, strict=True)
    ]
