"""How the rows of a file are written, by what most of them say, and the fields of a row that is written otherwise.

Reading trusts the first row and stops at the first that differs; here any row may be the one at fault.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text.conll import writer
from tagger.text.conll.evidence import holds_boundary, may_be_comment, refuse_records
from tagger.text.conll.layout import DataRow, Layout, find_layout, find_names, split_row, value_of
from tagger.text.conll.lineform import LOOKED_AT, find_form
from tagger.text.conll.sentence import Columns
from tagger.text.conll.source import BLANKS
from tagger.text.conll.spreadsheet import find_delimiter
from tagger.text.conll.verbatim import read_rows
from tagger.text.files import FilePath, display_name
from tagger.text.schemes import OUTSIDE

_WHITE = re.compile("[ \t\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]+")  # whatever looks like a blank
_SAMPLE = 200  # rows
_END = re.compile(r"[\r\n]*\Z")


class Cut(NamedTuple):
    """A row without its line end, and its fields; `fields` is None where they aren't as many as in other rows."""

    row: str
    fields: list[str] | None


def find_columns(path: FilePath, columns: Columns, encoding: str) -> Layout:
    """Go through a file and return how most of its rows are written.

    Raises:
        DataError: it has no rows of tokens, or isn't a column file.
    """
    name, sample, size = display_name(path), list[str](), 0
    shapes: Counter[tuple[str, int]] = Counter()
    seen: dict[tuple[str, int], list[DataRow]] = {}
    first: DataRow | None = None
    for rows, begin in read_rows(path, encoding):
        for line, ended in enumerate(rows, begin):
            row = _END.sub("", ended).rstrip(BLANKS)
            if size < LOOKED_AT:
                sample.append(row)
                size += len(row) + 1
            if not row or may_be_comment(row) or holds_boundary(row):
                continue
            separator = "\t" if "\t" in row else " "
            found = DataRow(line, row, split_row(row, separator))
            first = first or found
            shape = separator, len(found.fields)
            shapes[shape] += 1
            rows_of = seen.setdefault(shape, [])
            if len(rows_of) < _SAMPLE:
                rows_of.append(found)
    if first is None:
        raise DataError("found no sentence, expected rows of a token and its tag", name, 1)
    _refuse_other_forms("\n".join(sample) + "\n", name, columns)
    shape = max(shapes, key=lambda shape: (shapes[shape], shape[1]))
    named = [first] if find_names(first.fields) and first not in seen[shape] else []
    return find_layout([*named, *seen[shape]], shape[0], columns, name)


def _refuse_other_forms(sample: str, name: str, columns: Columns) -> None:
    refuse_records(sample, name)
    if find_delimiter(sample, name):
        raise DataError("found CSV, expected columns to mend; tagger convert makes some of it", name)
    if columns.may_be_lines and find_form(sample):
        raise DataError("found lines of words, expected columns to mend; lines have none", name)


def is_of_token(row: str, layout: Layout) -> bool:
    """Say whether a row is one of a token: not blank, no comment, no name of columns, no boundary of a document."""
    if (
        not row.strip(BLANKS)
        or holds_boundary(row)
        or (layout.header and row.rstrip(BLANKS) == layout.header)
    ):
        return False
    if layout.is_conllu:
        return row[:1].isdecimal() and row.partition("\t")[0].isdecimal()
    if not may_be_comment(row):
        return True
    return len(split_row(row.rstrip(BLANKS), layout.separator)) == layout.width


def cut_row(row: str, layout: Layout) -> Cut:
    """Return a row of a token as other rows are written, if it can be, and its fields."""
    plain = row.rstrip(BLANKS)
    fields = split_row(plain, layout.separator)
    is_mixed = layout.separator == " " and "\t" in plain
    if not is_mixed and _has_width(fields, layout):
        if layout.separator == " " or layout.is_conllu or " " not in plain:
            return Cut(row, fields)
        stripped = [field.strip(" ") for field in fields]
        if stripped == fields or not all(stripped):
            return Cut(row, fields)
        return Cut(layout.separator.join(stripped), stripped)
    for pieces in (
        _WHITE.split(_WHITE.sub(" ", plain).strip(" ")),
        [field for field in fields if field.strip()],
    ):
        if len(pieces) == layout.width and all(pieces):
            return Cut(layout.separator.join(pieces), pieces)
    return Cut(row, None)


def _has_width(fields: Sequence[str], layout: Layout) -> bool:
    return len(fields) == layout.width or (layout.is_ragged and len(fields) > max(layout.wanted))


def looks_blank(row: str) -> bool:
    """Say whether a row has nothing that can be seen."""
    return not row[:1].isalnum() and not _WHITE.sub("", row)


def tag_in(fields: Sequence[str], layout: Layout) -> str:
    """Return the tag among the fields of a row."""
    assert layout.tag is not None
    field = fields[layout.tag]
    return value_of(field, layout.keys[1], OUTSIDE) if layout.keys[1] else field


def put_tag(cut: Cut, tag: str, layout: Layout) -> Cut:
    """Return a row with another tag."""
    assert cut.fields is not None
    assert layout.tag is not None
    old = cut.fields[layout.tag]
    key = layout.keys[1]
    return put_field(
        cut, layout.tag, writer.spell_field(old, key, tag, layout.names[layout.tag]) if key else tag, layout
    )


def put_field(cut: Cut, column: int, value: str, layout: Layout) -> Cut:
    """Return a row with another value in one column; runs of spaces stay."""
    assert cut.fields is not None
    fields = [*cut.fields[:column], value, *cut.fields[column + 1 :]]
    return Cut(writer.put_field(cut.row, layout.separator, column, value), fields)
