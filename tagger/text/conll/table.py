"""Where rows, fields and sentences stand in a block of text, found for all of its rows at once.

To split every row makes a string of every field, most of them for nothing. Here separators and line ends are found
with numpy in the bytes of the block, and only the wanted fields become strings. A sentence in
which anything is unusual is left to a reader of rows, which finds the fault. Rows and columns are counted from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.text.conll.layout import CONLLU_ID, Layout

_TAB, _LINE_END, _SPACE, _HASH, _ZERO = b"\t\n #0"
_CODEC = "utf-8", "surrogatepass"  # no byte of a character beyond ASCII is one of these

_Ints = NDArray[np.int64]
_Flags = NDArray[np.bool_]


class Cuttings(NamedTuple):
    """What was cut out of a block.

    Args:
        columns: (wanted columns, tokens) fields.
        rows: (tokens,) where each stands.
        comments: (comments,) the rows that begin with `#`, in CoNLL-U.
        runs: rows with blank ones around them, a sentence with the comments above it or what needs a closer look:
            first row and the one behind the last, first token and the one behind (none where the rows need a closer
            look), first comment and the one behind. Plain tuples, which are made in half the time of named ones.
        ragged: which of `rows` have more or fewer columns than the layout, sorted, where it allows that.
    """

    columns: list[tuple[str, ...]]
    rows: list[int]
    comments: tuple[str, ...]
    runs: list[tuple[int, ...]]
    ragged: tuple[int, ...] = ()


def cut_block(text: str, layout: Layout, marks: Iterable[str]) -> Cuttings:
    """Cut the wanted fields out of all sentences in which nothing is unusual.

    Args:
        text: ends in a line end; it must not be empty.
        marks: a row in which one of these occurs needs a closer look.
    """
    table = _tabulate(text, ord(layout.separator))
    is_blank = table.begin == table.end
    begins_with_hash = table.codes[table.begin] == _HASH
    is_comment = begins_with_hash & layout.is_conllu
    width = table.behind - table.before
    is_row = width > max(layout.wanted) if layout.is_ragged else width == layout.width
    is_row &= ~(is_comment | table.end_in_blank())
    needs_look = ~(is_row | is_comment | is_blank)
    is_above = np.concatenate(([True], (is_blank | is_comment)[:-1]))  # nothing but comments stands above
    needs_look |= begins_with_hash & (is_above != layout.is_conllu)
    if layout.is_ragged:
        needs_look |= begins_with_hash & (width != layout.width)
        if (
            layout.separator == " "
        ):  # a blank too many shifts a row; in CoNLL-2012 sentences differ, not their rows
            needs_look[1:] |= (np.diff(width) != 0) & ~is_blank[1:] & ~is_blank[:-1]
    if layout.separator == " ":
        needs_look[table.rows_of(table.find_empty_fields())] = True
        if "\t" in text:
            needs_look[table.rows_of(np.flatnonzero(table.codes == _TAB))] = True
    for mark in marks:
        if mark in text:
            found = re.finditer(re.escape(mark.encode(*_CODEC)), table.codes.tobytes())
            needs_look[table.rows_of([match.start() for match in found])] = True

    tokens = np.flatnonzero(is_row)
    if layout.is_conllu:
        tokens = _leave_out_others(table, tokens, needs_look)
    comments = np.flatnonzero(is_comment)
    return Cuttings(
        columns=[_cut_column(table, tokens, place, layout, needs_look) for place in layout.wanted],
        rows=tokens.tolist(),
        comments=table.cut(table.begin[comments], table.end[comments], "\n"),
        runs=_group(tokens, comments, np.flatnonzero(needs_look), is_blank),
        ragged=tuple(tokens[width[tokens] != layout.width].tolist()) if layout.is_ragged else (),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The UTF-8 of a text and where its separators and line ends stand.

    Args:
        codes: (bytes,)
        separators: (1 + separators + line ends,) their offsets, -1 in front.
        before: (rows,) the place among them of what stands before the row.
        behind: (rows,) the place among them of the row's line end.
        begin: (rows,) the offset of the row.
        end: (rows,) the offset of its line end.
    """

    codes: NDArray[np.uint8]
    separators: _Ints
    before: _Ints
    behind: _Ints
    begin: _Ints
    end: _Ints

    def rows_of(self, offsets: _Ints | list[int]) -> _Ints:
        """Return the rows in which these offsets are."""
        rows: _Ints = np.searchsorted(self.end, offsets)
        return rows

    def find_empty_fields(self) -> _Ints:
        """Return where a separator or line end follows directly upon another."""
        offsets: _Ints = self.separators[1:][np.diff(self.separators) == 1]
        return offsets

    def end_in_blank(self) -> _Flags:
        """Say of each row whether it ends in a blank."""
        last = self.codes[self.end - 1]
        is_blank: _Flags = (last == _TAB) | (last == _SPACE)
        return is_blank

    def has_digits(self, offsets: _Ints) -> _Flags:
        """Say of each offset whether an ASCII digit stands there."""
        is_digit: _Flags = self.codes[offsets] - _ZERO < 10  # what is less than 0 wraps around
        return is_digit

    def find_fields(self, rows: _Ints, place: int) -> tuple[_Ints, _Ints]:
        """Return where the fields of a column begin and end."""
        at = self.before[rows] + place
        return self.separators[at] + 1, self.separators[at + 1]

    def cut(self, begin: _Ints, end: _Ints, separator: str, is_ragged: bool = False) -> tuple[str, ...]:
        """Return the parts of the text between offsets; at each end stands the separator, which is in no part.

        Where `is_ragged`, a line end may stand there instead.

        One split of the parts side by side takes half the time of as many slices.
        """
        lengths = end + 1 - begin
        shift = np.repeat(
            end + 1 - np.cumsum(lengths), lengths
        )  # from a place in the parts to one in the text
        codes = self.codes[shift + np.arange(len(shift))]
        if is_ragged:
            codes[np.cumsum(lengths) - 1] = ord(separator)
        parts: str = codes.tobytes().decode(*_CODEC)
        return tuple(parts.split(separator)[:-1])


def _tabulate(text: str, separator: int) -> _Table:
    codes = np.frombuffer(text.encode(*_CODEC), np.uint8)
    separators = np.flatnonzero((codes == separator) | (codes == _LINE_END))
    behind = np.flatnonzero(codes[separators] == _LINE_END) + 1
    separators = np.concatenate(([-1], separators))
    before = np.concatenate(([0], behind[:-1]))
    return _Table(codes, separators, before, behind, separators[before] + 1, separators[behind])


def _leave_out_others(table: _Table, rows: _Ints, needs_look: _Flags) -> _Ints:
    """Return the rows of CoNLL-U that are tokens; flag those that are neither that nor multiword or empty."""
    begin, end = table.find_fields(rows, 0)
    length = end - begin
    is_token = table.has_digits(begin) & table.has_digits(
        end - 1
    )  # up to three digits are recognised without a string
    is_token &= (length < 3) | ((length == 3) & table.has_digits(begin + 1))
    others = np.flatnonzero(~is_token)
    for i, id_ in zip(others, table.cut(begin[others], end[others], "\t"), strict=True):
        is_token[i] = id_.isdecimal()
        needs_look[rows[i]] |= not (is_token[i] or CONLLU_ID.fullmatch(id_))
    return rows[is_token]


def _cut_column(
    table: _Table, rows: _Ints, place: int, layout: Layout, needs_look: _Flags
) -> tuple[str, ...]:
    """Return a field of each row; flag the rows where it is empty or may hold blanks alone."""
    begin, end = table.find_fields(rows, place)
    needs_look[rows[(begin == end) | (table.codes[begin] == _SPACE)]] = True
    if layout.is_ragged:
        return table.cut(begin, end, "\n", is_ragged=True)
    return table.cut(begin, end, "\n" if place == layout.width - 1 else layout.separator)


def _group(tokens: _Ints, comments: _Ints, faults: _Ints, is_blank: _Flags) -> list[tuple[int, ...]]:
    """Return the runs between blank rows, each with its tokens and comments, which are given by their rows."""
    edges = np.flatnonzero(np.diff(is_blank, prepend=True, append=True))
    begin, end = edges[::2], edges[1::2]
    (low, high), (upper, lower), (first, last) = (
        np.searchsorted(rows, (begin, end)) for rows in (tokens, comments, faults)
    )
    high[first < last] = low[first < last]
    return list(zip(*(places.tolist() for places in (begin, end, low, high, upper, lower)), strict=True))
