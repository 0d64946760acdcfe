"""Blocks of text to sentences: rows, comments, document boundaries, CoNLL-U.

Most sentences are cut out of their block by `table`, all at once; those in which it finds anything unusual are read
row by row, where faults get their place.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from os import fspath
from pathlib import Path

from tagger.errors import DataError
from tagger.text.conll.evidence import (
    DOCSTART,
    DOCUMENT_COMMENTS,
    Evidence,
    holds_boundary,
    is_remark,
    may_be_comment,
    refuse_records,
)
from tagger.text.conll.hints import describe_empty_column, describe_names, find_tag_columns
from tagger.text.conll.layout import CONLLU_ID, DataRow, Layout, find_layout, look_up_keys, split_row
from tagger.text.conll.lineform import LOOKED_AT, LineForm, are_columns, find_form, name_form
from tagger.text.conll.segmented import LineReader
from tagger.text.conll.sentence import DEFAULT_COLUMNS, UNSPECIFIED, Columns, Sentence
from tagger.text.conll.source import BLANKS, Block, join_sentences, read_whole_lines, strip_blanks
from tagger.text.conll.spreadsheet import Boundaries, Cells, find_delimiter, find_fault, read_rows
from tagger.text.conll.table import Cuttings, cut_block
from tagger.text.conll.words import LABEL_LEFT_OUT, SCHEME, cut_where_words
from tagger.text.counting import count_of
from tagger.text.files import FilePath, display_name, is_stdin
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Task

NEW_DOCUMENT = re.compile(r"#\s*newdoc\b|#begin document")

_MOST_BLANK = 100  # blocks
_RAGGED = "other columns behind those asked for, which were read"

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
        self.scheme: Scheme | None = None  # of the tags, where the form of the file says so
        self.form: LineForm | None = None  # of its lines, where these hold words
        self._path = path
        self._name = display_name(path)
        self._columns = columns
        self._encoding = encoding
        self._warn = warn
        self._on_fault = on_fault
        self._share = share
        self._notes: dict[str, tuple[int, int]] = {}  # oddity that was mended -> how often, first line
        self._document = 0
        self._width = 0  # columns of the sentence that is read row by row; 0: none yet
        self._is_tagged = False  # whether a tag has been seen
        self._tag_columns: list[str] = []  # of CoNLL-U, where others than the one asked for hold tags
        self._is_begun = False  # whether a document boundary or a sentence has been seen
        self._prefix = ""  # in front of every token, left out
        self._cuts_prefix = True
        self._marks: tuple[str, ...] = (DOCSTART,)  # what makes a row worth a closer look
        self._comments: list[str] = []  # above the next sentence

    def __iter__(self) -> Iterator[Sentence]:
        sentences = self._read()
        return map(self._name_tags, sentences) if self._columns.tag_names else sentences

    def _read(self) -> Iterator[Sentence]:
        blocks = read_whole_lines(self._path, self._encoding, self._note)
        lines = self._columns.lines
        head = list(_take_first(blocks, LOOKED_AT if lines or self._columns.may_be_lines else 0))
        text = "".join(block.text for block in head)
        refuse_records(text, self._name)
        delimiter = None if lines else find_delimiter(text, self._name)
        form = None if delimiter else self._find_form(text)
        if form:
            yield from self._read_lines(form, chain(head, blocks))
        elif delimiter:
            rows = read_rows(chain(head, blocks), delimiter, self._name)
            yield from self._cut_words(self._read_spreadsheet(rows, delimiter))
        else:
            yield from self._cut_words(self._read_columns(join_sentences(chain(head, blocks))))
        if self._warn:
            for fact, first in self.describe_notes():
                self._warn(f"{fact} (first: line {first})")

    def _find_form(self, text: str) -> LineForm | None:
        """Return the form of the lines where they hold words; such of any script where the user says they do."""
        columns = self._columns
        if columns.lines:
            return name_form(text, has_tags=columns.lines == "wordpos")
        if not columns.may_be_lines:
            return None
        form = find_form(text)
        is_asked_for = form is None and columns.task is Task.WORDS
        return LineForm() if is_asked_for and not are_columns(text) else form

    def _cut_words(self, sentences: Iterator[Sentence]) -> Iterator[Sentence]:
        """Make characters of the words of columns where the tags shall say which words they make."""
        task = self._columns.task
        if task is None or not self._columns.cuts_words:
            yield from sentences
            return
        for sentence, is_cut in cut_where_words(sentences, task):
            self.scheme = SCHEME if is_cut else None
            if is_cut and task is Task.WORDS and self._has_labels:
                for line in dict.fromkeys(sentence.lines):
                    self._note(LABEL_LEFT_OUT, line)
            yield sentence

    @property
    def _has_labels(self) -> bool:
        """Say whether columns hold labels, which in CoNLL-U may all be `_`."""
        layout = self.layout
        return layout is not None and layout.tag is not None and (not layout.may_lack_tags or self._is_tagged)

    def _read_lines(self, form: LineForm, blocks: Iterable[Block]) -> Iterator[Sentence]:
        """Read lines of words."""
        columns = self._columns
        self.form = form
        reader = LineReader(form, self._name, columns.task, columns.compounds, self._note, self._fault)
        for sentence in reader.read(blocks):
            self.scheme = reader.scheme
            yield sentence

    def _read_columns(self, blocks: Iterable[Block]) -> Iterator[Sentence]:
        evidence, waiting = Evidence(), list[Block]()
        for block in blocks:
            if self.layout is not None:
                yield from self._read_blocks([block])
                continue
            waiting.append(block)
            if evidence.add(strip_blanks(block.text), block.line):
                self._settle(evidence)
                yield from self._read_blocks(waiting)
                waiting = []
        if waiting:  # there was no row but comments, and such as could be
            self._settle(evidence)
            yield from self._read_blocks(waiting)

    def _read_blocks(self, blocks: Iterable[Block]) -> Iterator[Sentence]:
        for block in blocks:
            found = self._read_block(*block)
            yield from self._cut_prefixes(found) if self._prefix else found

    def _read_spreadsheet(self, rows: Iterator[Cells], delimiter: str) -> Iterator[Sentence]:
        """Read CSV row by row."""
        first = next((row for row in rows if not row.is_blank), None)
        if first is None:
            return
        named = DataRow(first.line, "", [cell.strip() for cell in first.fields])
        self.layout = layout = find_layout([named], delimiter, self._columns, self._name)
        if layout.names:
            self._note(describe_names(layout), first.line)
        boundaries = Boundaries(layout)
        numbers: list[int] = []
        tokens: list[list[str]] = []
        for row in rows if layout.names else chain([first], rows):
            is_document = DOCSTART in row.fields
            begins = len(row.fields) == layout.width and boundaries.begins_sentence(row)
            if row.is_blank or is_document or begins:
                yield from self._finish(numbers, tokens)
                numbers, tokens = [], []
            if is_document:
                self._begin_document()
            elif not row.is_blank and (fields := self._read_cells(row, layout)) is not None:
                numbers.append(row.line)
                tokens.append(fields)
        yield from self._finish(numbers, tokens)

    def _read_cells(self, row: Cells, layout: Layout) -> list[str] | None:
        """Return the wanted cells of a row of CSV; None where it is at fault."""
        fault = find_fault(row, layout)
        if fault:
            self._fault(fault, row.line)
            return None
        fields = [row.fields[column] for column in layout.wanted]
        if layout.tag is not None:
            fields[1] = fields[1].strip(BLANKS)
        for column, field in zip(layout.wanted, fields, strict=True):
            if not field.strip(" ") and not self._keeps_blank(field, column, row.line):
                return None
        return fields

    def describe_notes(self) -> Iterator[tuple[str, int]]:
        """Yield what was mended, and how often, with its first line."""
        for fact, (count, first) in self._notes.items():
            yield f"{count_of(count, 'line')} with {fact}", first
        lacks_tags = self.layout and self.layout.may_lack_tags and not self._is_tagged
        if self.layout and lacks_tags and self._columns.task is not Task.WORDS:
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

    def _settle(self, evidence: Evidence) -> None:
        self.layout = layout = evidence.find_layout(self._columns, self._name)
        if layout and layout.may_lack_tags:
            self._tag_columns = find_tag_columns(evidence.sample, layout)
        if layout and layout.header:
            self._marks = (DOCSTART, layout.header)
        if layout and self._cuts_prefix and (prefix := evidence.find_prefix(layout)):
            self._prefix = prefix if self._begins_every_token(prefix) else ""

    def _begins_every_token(self, prefix: str) -> bool:
        """Go through the file to its end, if it can be read twice, and say whether each token begins so."""
        if is_stdin(self._path) or not Path(self._path).is_file():
            return False
        anew = fspath(self._path)  # a file that is open already goes on where it is
        reader = ColumnReader(anew, self._columns, self._encoding, on_fault=lambda fault: None)
        reader._cuts_prefix = False
        return all(token.startswith(prefix) for sentence in reader for token in sentence.tokens)

    def _cut_prefixes(self, sentences: Iterator[Sentence]) -> Iterator[Sentence]:
        for sentence in sentences:
            for place in range(len(sentence)):
                self._note(f"{self._prefix!r} in front of the token, left out", sentence.line_of(place))
            tokens = [token.removeprefix(self._prefix) or token for token in sentence.tokens]
            yield replace(sentence, tokens=tuple(tokens))

    def _name_tags(self, sentence: Sentence) -> Sentence:
        """Replace tags that are numbers by their names."""
        names = {str(number): name for number, name in enumerate(self._columns.tag_names)}
        for place, tag in enumerate(sentence.tags):
            if tag not in names:
                expected = f"expected a number below {len(names)}, as there are so many --tag-names"
                self._fault(f"found tag {tag!r}, {expected}", sentence.line_of(place))
        return replace(sentence, tags=tuple(names.get(tag, UNKNOWN_TAG) for tag in sentence.tags))

    def _read_block(self, text: str, line: int) -> Iterator[Sentence]:
        """Read whole sentences; the text ends in a line end."""
        layout = self.layout
        if not text:
            return
        if layout is None:  # there was no row yet but comments and document boundaries
            yield from self._read_rows(strip_blanks(text).split("\n"), line)
            return
        found, rows = _cut_without_blanks(text, layout, self._marks)
        tokens, tags, *features = self._interpret(found.columns, layout)
        for begin, end, low, high, upper, lower in found.runs:
            if low == high:
                yield from self._read_rows(rows[begin:end], line + begin)
                continue
            if upper < lower:
                self._add_comments(found.comments[upper:lower])
            first = found.rows[low]
            if found.ragged:
                ragged = found.ragged[bisect_left(found.ragged, begin) : bisect_left(found.ragged, end)]
                for row in ragged:
                    self._note(_RAGGED, line + row)
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
        meant = look_up_keys(columns, layout) if layout.has_keys else list(columns)
        if layout.tag is None:
            meant.insert(1, ())
        if layout.may_lack_tags:
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
                self._read_comment(row, number, above=not rows)
            elif row and self.layout and row == self.layout.header:
                self._note(describe_names(self.layout), number)
            elif holds_boundary(row):
                yield from self._finish(numbers, rows)
                numbers, rows = [], []
                self._begin_document()
            elif row and (fields := self._read_row(row, number)) is not None:
                numbers.append(number)
                rows.append(fields)
        yield from self._finish(numbers, rows)

    def _finish(self, numbers: list[int], rows: list[list[str]]) -> Iterator[Sentence]:
        self._width = 0
        if rows:
            assert self.layout is not None
            yield self._build(list(zip(*rows, strict=True)), numbers, self.layout)

    def _is_comment(self, row: str, above: bool) -> bool:
        """In CoNLL-U `#` begins a comment; elsewhere `# ` does unless it is a whole row, which `#` may begin."""
        layout = self.layout
        if layout is not None and layout.is_conllu:
            return row[:1] == "#"
        if not may_be_comment(row):
            return False
        if layout is None:
            return True
        fields = split_row(row, layout.separator)
        if len(fields) != layout.width:
            return above or not row.startswith(DOCUMENT_COMMENTS)
        return above and (layout.has_index or is_remark(fields))

    def _read_comment(self, row: str, number: int, above: bool) -> None:
        self._add_comments((row,))
        if self.layout is None or not self.layout.is_conllu:
            where = "above" if above else "inside"
            self._note(f"'#' in front, {where} a sentence, read as comment", number)

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
        if layout.separator == " " and row[:1] == " " and len(fields) == layout.width - 1:
            fields.insert(0, " ")  # a token that is a blank, in a file whose separator is one
        if len(fields) != layout.width and not (layout.is_ragged and len(fields) > max(layout.wanted)):
            found = f"found {count_of(len(fields), 'column')}, line {layout.line} has {layout.width}"
            self._fault(f"{found}; expected the same number in every row", number)
            return None
        if layout.separator == " " and len(fields) != (self._width or len(fields)):
            found = f"found {count_of(len(fields), 'column')}, a row above in this sentence has {self._width}"
            self._fault(f"{found}; expected the same number in every row", number)
            return None
        if layout.is_conllu and not fields[0].isdecimal():
            if not CONLLU_ID.fullmatch(fields[0]):
                self._fault(f"found ID {fields[0]!r}, expected a number, or as in 1-2 or 1.1", number)
            return None
        for column in layout.wanted:
            if not fields[column].strip(" ") and not self._keeps_blank(fields[column], column, number):
                return None
        if len(fields) != layout.width:
            self._note(_RAGGED, number)
        self._width = len(fields)
        return [fields[column] for column in layout.wanted]

    def _keeps_blank(self, field: str, column: int, number: int) -> bool:
        """Say whether a row stays in which a field is empty or nothing but blanks; it may be a fault."""
        assert self.layout is not None
        choice = self._columns.blank_tokens
        if not field or column != self.layout.token or choice == "error":
            what = f"an empty {self.layout.name_of(column)} in column {column}"
            is_blank = field and column == self.layout.token
            advice = "; --blank-tokens keep or skip reads such rows" if is_blank else ""
            self._fault(f"found {what}, expected some text{advice}", number)
            return False
        self._note(f"a blank as token, {'kept' if choice == 'keep' else 'left out'}", number)
        return choice == "keep"


def _take_first(blocks: Iterator[Block], enough: int) -> Iterator[Block]:
    """Yield the blocks up to the first that holds text, or the last, unless very many are blank.

    Args:
        enough: characters to go on for, since pipes bring a line at a time.
    """
    size, has_text = 0, False
    for number, block in enumerate(blocks):
        yield block
        size += len(block.text)
        has_text = has_text or bool(block.text.strip())
        if size >= enough if has_text else number == _MOST_BLANK:
            return


def _cut_without_blanks(text: str, layout: Layout, marks: Sequence[str]) -> tuple[Cuttings, list[str]]:
    """Cut a block; once more where a sentence that needs a closer look has blanks before its line ends.

    Returns:
        What was cut out, and the rows where there is such a sentence, without these blanks.
    """
    found = cut_block(text, layout, marks)
    faulty = [slice(begin, end) for begin, end, low, high, _, _ in found.runs if low == high]
    if not faulty:
        return found, []
    rows = text.split("\n")
    for run in faulty:
        rows[run] = [row.rstrip(BLANKS) for row in rows[run]]
    stripped = "\n".join(rows)
    return found if len(stripped) == len(text) else cut_block(stripped, layout, marks), rows
