"""CSV as spreadsheets write it (RFC 4180; commas, semicolons or tabs): its rows with their lines, and its sentences.

A row may name the columns. One of them may number the sentences, as `Sentence #` of the corpus on Kaggle does: its
cell is filled in every row, or in the first of a sentence alone. Else rows without text part sentences.
Between tabs quotes mean nothing, as in every other file with tabs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text.conll.layout import Layout, find_names, find_sentence_column
from tagger.text.conll.source import Block
from tagger.text.counting import count_of

_DELIMITERS = ",;"


class Cells(NamedTuple):
    """A row: the line on which it begins, and its cells, outer blanks of quoted ones kept."""

    line: int
    fields: list[str]

    @property
    def is_blank(self) -> bool:
        """Say whether no cell holds text; `sep=;` tells Excel what stands between cells."""
        return self.fields == ["sep=", ""] or not any(field.strip() for field in self.fields)


def find_delimiter(text: str, name: str) -> str | None:
    """Return what separates the cells if this is CSV: its first row names columns, or the file is called so.

    A row of names with tabs is CSV where one of the columns numbers sentences.

    >>> find_delimiter("Sentence #,Word,Tag", "-"), find_delimiter("a;O", "x.csv"), find_delimiter("a,O", "x.conll")
    (',', ';', None)
    """
    row = next(filter(str.strip, text.split("\n")), "")
    if "\t" in row:
        names = find_names(row.split("\t"))
        return "\t" if find_sentence_column(names) is not None else None
    named = [mark for mark in _DELIMITERS if find_names(row.replace('"', "").split(mark))]
    if not named and name.lower().removesuffix(".gz").endswith(".csv"):
        named = sorted(filter(row.count, _DELIMITERS), key=row.count, reverse=True)
    return named[0] if named else None


def read_rows(blocks: Iterable[Block], delimiter: str, name: str) -> Iterator[Cells]:
    """Yield the rows of CSV.

    Args:
        blocks: its text from the first line on, each ending in a line end.
        delimiter: between cells.
        name: of the file, for messages.

    Raises:
        DataError: quotes don't match.
    """
    lines = (f"{line}\n" for block in blocks for line in block.text.split("\n")[:-1])
    if delimiter == "\t":
        rows = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    else:
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num + 1
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            advice = 'write a quote inside a cell twice, as in """"'
            raise DataError(f"found CSV that cannot be read ({error}); {advice}", name, line) from error
        yield Cells(line, fields)


class Boundaries:
    """Which rows begin a sentence."""

    def __init__(self, layout: Layout) -> None:
        self._place = find_sentence_column(layout.names)
        self._current = ""

    def begins_sentence(self, row: Cells) -> bool:
        """Say whether the row has another sentence's number than those above it."""
        number = "" if self._place is None else row.fields[self._place].strip()
        if not number or number == self._current:
            return False
        self._current = number
        return True


def find_fault(row: Cells, layout: Layout) -> str | None:
    """Say what is wrong with a row that isn't blank, beside cells that are."""
    if len(row.fields) != layout.width:
        found = f"found CSV with {count_of(len(row.fields), 'cell')}, line {layout.line} has {layout.width}"
        return f"{found}; expected the same number in every row, and quotes around commas"
    for column in layout.wanted:
        field = row.fields[column]
        is_list = column == layout.tag and field[:1] == "[" and field[-1:] == "]"
        if is_list or "\n" in field:
            what = f"{'a list' if is_list else 'a line end'} in a cell of column {column}"
            return f"found CSV with {what}, expected one token and its tag in each row; is a quote missing?"
    return None
